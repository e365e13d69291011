// Releases the turns of a statement that waits for other nodes. Used in a cluster only.
#pragma once
#include <cstdint>
#include <memory>
#include <utility>

#include "server/net/loop.h"
#include "server/sql/session.h"

namespace server {

// A statement that waits for leaders which do not answer, or may not accept rows, gives up its
// turns after a moment, since statements that wait for these turns may write to partitions of other
// leaders. In a cluster turns only decide the order: leaders check whether the rows that were read
// have changed.
//
// Threads: the session's loop. Owner: the execution, while it waits.
class StalledTurns {
 public:
  // Releases `taken`, the turns of an append under way, and the turns of the session, unless a
  // transaction holds the turns of the session until it ends.
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
