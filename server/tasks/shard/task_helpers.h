// Helpers that several parts of Shard use: the kind of a task, its memory, its waiters, and constants.
#pragma once
#include <cstddef>
#include <vector>

#include "engine/exec/recompute.h"
#include "server/net/loop.h"
#include "server/tasks/shard.h"

namespace server {

// While state takes too much memory, a task with more state than kLittleState waits until a
// checkpoint contains its state, which can then leave memory. While scans keep too much state in
// memory, they are ended, but only if the tasks of the shard have at least kMuchState.
inline constexpr size_t kLittleState = 1 << 20, kMuchState = 32 << 20;
// The longest time for which a loop steps tasks before it serves its sockets: `short_us` if a
// socket or a message waits, otherwise `long_us`.
inline constexpr Loop::SliceLength kTurn{.short_us = 500, .long_us = 1'000};

inline bool is_transient(const ShardTask& task) { return static_cast<bool>(task.after_step); }

// Removes waiters whose receiver no longer exists.
inline void forget_expired(std::vector<ShardTask::Waiter>& waiters) {
  std::erase_if(waiters, [](const ShardTask::Waiter& waiter) { return waiter.receiver.expired(); });
}

// While a reader waits for a materialized view, the view begins its next computation without a
// pause.
inline void note_readers(ShardTask& task) {
  if (engine::RecomputeOperator* view = task.task->stage().view())
    view->set_awaited(!task.waiters.empty() || (task.at_barrier && task.at_barrier->stands));
}

inline size_t state_bytes_of(const ShardTask& task) {
  size_t bytes = 0;
  for (const engine::Store* store : task.task->stage().stores()) bytes += store->memory_bytes();
  return bytes;
}

inline size_t scan_bytes_of(const ShardTask& task) {
  size_t bytes = 0;
  for (const engine::Store* store : task.task->stage().stores()) bytes += store->scan_bytes();
  return bytes;
}

}  // namespace server
