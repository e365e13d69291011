// The common part of all protocols. A front end has a listener, and distributes the connections to
// the loops. Each connection has a session of its protocol, and the front end moves bytes between
// sockets and sessions.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/memory_budget.h"
#include "base/result.h"
#include "server/net/address.h"
#include "server/net/client_session.h"
#include "server/net/connection.h"
#include "server/net/loop.h"
#include "server/net/tls_session.h"

namespace server {

// A new connection, for its session.
struct NewClient {
  size_t shard;  // index of the connection's loop
  SessionHost& host;
  const Connection& connection;
  MemoryAccount& memory;   // outlives the session
  const Channel& channel;  // outlives the session; has the facts about TLS after the handshake
};

// The part of a front end that a protocol supplies. Called on the loops' threads.
class ClientProtocol {
 public:
  virtual std::string_view name() const = 0;  // name of the protocol in the log
  virtual std::unique_ptr<ClientSession> open_session(const NewClient& client) = 0;

 protected:
  ~ClientProtocol() = default;
};

struct FrontEndOptions {
  Address address;
  size_t max_connections = 10'000;
  // A session that the memory budget has blocked for this time ends with an error.
  int64_t memory_wait_ms = 5'000;
  const TlsServer* tls = nullptr;  // null: no TLS; outlives the front end
  TlsStart tls_start = {};
};

// Connections are distributed to the loops in rotation, and stay on their loop. A connection beyond
// the limit gets an error and is closed.
//
// Memory: received input and output that the client has not taken are charged to an account of its
//          session. While the answers that wait for clients take half of the budget, a session
//          produces its next output only when its client has taken the last one. When memory is
//          exhausted, the socket is not read for a while. A session is ended with an error in two
//          cases: its client makes no progress during this time, or the client holds much memory and
//          neither reads nor sends while others need memory.
// Stopping: call stop(), wait for its task, stop the loops, destroy the front end. Or stop the
//         loops first and destroy the front end; clients then get only the end of the connection.
// Threads: open() and the destructor while no loop runs, or on a thread that no loop is waiting
//         for; stop(), address() and connection_count() from any thread. Everything else happens on
//         the loops.
class FrontEnd {
 public:
  // Listens on the first loop. Fails with NetworkFailure. The protocol, the clock and the budget
  // outlive the front end.
  static Result<std::unique_ptr<FrontEnd>> open(const std::vector<Loop*>& loops,
                                                const FrontEndOptions& options,
                                                ClientProtocol& protocol, MemoryBudget& memory,
                                                const Clock& clock);
  ~FrontEnd();
  FrontEnd(const FrontEnd&) = delete;
  FrontEnd& operator=(const FrontEnd&) = delete;

  const Address& address() const;
  size_t connection_count() const;

  // Stops listening, ends each session with ShuttingDown, and calls `on_stopped` on the first loop
  // when the last connection is closed.
  void stop(Task on_stopped);

 private:
  struct Impl;
  explicit FrontEnd(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace server
