// The client connections of one loop. Each connection has a socket and a session.
#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/gate.h"
#include "server/net/front_end.h"

namespace server {

// The state that the loops of a front end share.
struct FrontEndShared {
  const FrontEndOptions options;
  ClientProtocol& protocol;
  MemoryBudget& memory;
  const Clock& clock;
  Gate connections = {};                  // closed by stop(), which then waits for all connections
  std::atomic<size_t> refused_count = 0;  // present connections beyond the limit, which end soon
};

class ClientConnection;

// Threads: one loop. Shared with tasks that are posted to the loop.
class ClientConnections : public std::enable_shared_from_this<ClientConnections> {
 public:
  ClientConnections(Loop& loop, size_t shard, FrontEndShared& shared);
  ~ClientConnections();

  void accept(Socket socket);
  void shut_down();
  void clear();
  Loop& loop() { return loop_; }

 private:
  friend class ClientConnection;

  void remove(uint64_t id);
  void pump_soon(uint64_t id);
  // Changes a connection's deadline from `before_us` to `now_us`. nullopt stands for no deadline.
  void set_deadline(uint64_t id, std::optional<int64_t> before_us, std::optional<int64_t> now_us);
  void set_timer();
  void on_deadlines();
  // Determines how often the memory of a connection is checked. A connection that waits for memory
  // is checked often. A connection that holds more memory than an idle one is checked once a
  // second, and only while memory is short.
  enum class MemoryNeed : uint8_t { Idle, Holds, Waits };
  void watch_memory(uint64_t id, MemoryNeed need);
  void set_memory_timer();
  void on_memory_timer();
  // Logs at most one line per second, so that clients which send invalid data cannot fill the disk.
  void log_end(const std::string& peer, const std::string& reason);

  Loop& loop_;
  const size_t shard_;
  FrontEndShared& shared_;
  const std::string slice_name_;  // names the work of the connections in the log

  uint64_t last_id_ = 0, unlogged_ = 0;
  int64_t logged_us_ = INT64_MIN / 2;
  Timer deadline_timer_;     // set to the first of the deadlines
  int64_t deadline_us_ = 0;  // the time to which the timer is set, if it runs
  bool is_in_deadlines_ = false;
  std::set<std::pair<int64_t, uint64_t>> deadlines_;  // pairs of a deadline and a connection's id
  // runs while one of the two sets above is not empty
  Timer memory_timer_;
  int64_t memory_timer_ms_ = 0;
  std::set<uint64_t> waiting_, holding_;
  HandshakeTurns handshakes_;
  bool is_shutting_down_ = false;
  std::map<uint64_t, std::unique_ptr<ClientConnection>> connections_;
};

}  // namespace server
