// The PostgreSQL front end: listens, and carries bytes between sockets and sessions.
#pragma once
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "server/net/address.h"
#include "server/net/loop.h"
#include "server/pg/session.h"
#include "server/sql/port.h"

namespace server::pg {

struct PgServerOptions {
  Address address;
  size_t max_connections = 10'000;
  SessionLimits limits = {};
};

// Connections are dealt out to the shards in turn, and stay there.
//
// Stopping: stop(), wait for its task, stop the loops, destroy. Or stop the loops first and
// destroy:
//           then clients just see the end of the connection.
// Threads: open() and the destructor while no loop runs, or on a thread that no shard's loop is
//          waiting for; stop() and address() from any thread. Everything else happens on the
//          shards' loops.
class PgServer {
 public:
  struct Shard {
    Loop* loop;
    sql::Backend* backend;
  };

  // Listens on the first shard's loop. Fails with NetworkFailure.
  static Result<std::unique_ptr<PgServer>> open(const std::vector<Shard>& shards,
                                                const PgServerOptions& options, const Clock& clock);
  ~PgServer();
  PgServer(const PgServer&) = delete;
  PgServer& operator=(const PgServer&) = delete;

  const Address& address() const;
  size_t connection_count() const;

  // Refuses new connections, ends each session with 57P01, and calls `on_stopped` on the first
  // shard's loop when the last connection is closed.
  void stop(Task on_stopped);

 private:
  struct Impl;
  explicit PgServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace server::pg
