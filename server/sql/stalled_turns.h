// In a cluster, releases the table locks of a statement that waits for leaders on other nodes, so that other statements
// do not wait with it.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "server/net/loop.h"
#include "server/sql/session.h"

namespace server {

// If leaders do not answer or cannot accept rows, the waiting statement releases its table locks
// after a moment, because the next statement may write to partitions that other leaders serve. This
// is safe: in a cluster these locks only order the statements, and the leaders check whether rows
// that were read have changed.
//
// A row lock (the lock of FOR UPDATE) stays, because it is a promise to the client: the next session
// with FOR UPDATE sees the rows of this one. If it were released before the rows are appended, the
// next session would read the rows without them, and its COMMIT would fail with 40001.
//
// Threads: the session's loop. Owner: the execution, while it waits.
class StalledTurns {
 public:
  // After a moment, releases the table locks of a running append (`taken`), and those of the
  // session. If a transaction holds the session's locks until its end, they are not released.
  explicit StalledTurns(SqlSession& session, std::shared_ptr<WriterTurns> taken = nullptr)
      : timer_(session.shard().loop(), "stalled turns", [&session, taken = std::move(taken)] {
          if (taken) keep_row_locks(*taken);
          if (session.in_transaction()) return;
          WriterTurns turns = session.take_turns();
          keep_row_locks(turns);
          for (const auto& [name, hold] : turns) session.take_turn({name}, hold);
        }) {
    timer_.start_once(kMoment_ms);
  }

 private:
  static void keep_row_locks(WriterTurns& turns) {
    std::erase_if(turns, [](const auto& each) {
      return !each.first.starts_with(SqlSession::row_lock({}));
    });
  }

  static constexpr int64_t kMoment_ms = 250;

  Timer timer_;
};

}  // namespace server
