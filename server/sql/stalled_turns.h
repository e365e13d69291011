// In a cluster, releases the table locks of a statement that waits for leaders on other nodes, so that other statements
// do not wait with it.
#pragma once
#include <cstdint>
#include <memory>
#include <utility>

#include "server/net/loop.h"
#include "server/sql/session.h"

namespace server {

// If leaders do not answer or cannot accept rows, the waiting statement releases its table locks
// after a moment, because the next statement may write to partitions that other leaders serve. This
// is safe: in a cluster these locks only order the statements, and the leaders check whether rows
// that were read have changed.
//
// Threads: the session's loop. Owner: the execution, while it waits.
class StalledTurns {
 public:
  // Releases the table locks of a running append (`taken`), and those of the session. If a
  // transaction holds the session's locks until its end, they are not released.
  explicit StalledTurns(SqlSession& session, std::shared_ptr<WriterTurns> taken = nullptr)
      : timer_(session.shard().loop(), "stalled turns", [&session, taken = std::move(taken)] {
          if (taken) taken->clear();
          if (!session.in_transaction()) session.give_up_turns();
        }) {
    timer_.start_once(kMoment_ms);
  }

 private:
  static constexpr int64_t kMoment_ms = 250;

  Timer timer_;
};

}  // namespace server
