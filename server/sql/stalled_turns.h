// In a cluster: the turns of a statement that waits for other nodes.
#pragma once
#include <cstdint>
#include <memory>
#include <utility>

#include "server/net/loop.h"
#include "server/sql/session.h"

namespace server {

// Who waits for leaders that do not answer, or may not take rows, keeps no table to itself for longer than a moment:
// statements behind it may be for other partitions. Nothing but the order depends on turns in a cluster, since leaders
// look whether what was read has changed.
//
// Threads: the session's loop. Owner: the execution, while it waits.
class StalledTurns {
 public:
  // Those of the session, unless a transaction has them, which keeps them until it ends; and `taken`, of what is on its way.
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
