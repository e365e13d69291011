// The functions of Shard for state that does not fit into memory: it is evicted to checkpoints, and scans are ended.
#include "server/tasks/shard.h"
#include "server/tasks/shard/task_helpers.h"

namespace server {

// Charges the task's memory to the budget. The budget counts in steps of a few kilobytes, so most
// calls do not change the counters that threads share.
void Shard::charge_memory(ShardTask& task) {
  if (is_transient(task)) return;  // the session of a transient task is charged instead
  const size_t scan_bytes = scan_bytes_of(task);
  task.memory->state.resize(state_bytes_of(task) - scan_bytes);
  task.memory->scans.resize(scan_bytes);
  // Scans are ended here and not at the next tick. Each change is copied for each scan, so a few
  // hundred scans could take gigabytes before that tick.
  if (const size_t excess = scan_bytes > 0 ? memory_.excess_of_scans() : 0; excess > 0)
    end_scans(task, excess);
}

// Removes state of the task from memory after the task has read `records` records. It examines more
// entries than the records can have brought into memory, because most entries are examined twice
// before they are removed.
void Shard::evict(ShardTask& task, uint64_t records) {
  constexpr size_t kLookedAt = 64, kLookedAtForRecord = 4;
  if (!is_transient(task) && memory_.is_state_full())
    task.task->evict(kLookedAt + kLookedAtForRecord * records);
}

// Removes state of all tasks from memory in slices, including tasks that do no steps. Ends when
// nothing more can be removed, because the rest is kept for scans or for commits whose checkpoint
// is not complete.
void Shard::evict_idle() {
  constexpr size_t kLookedAt = 4'096, kRounds = 3;
  const int64_t until_us = clock_.monotonic_us() + kTurn.long_us / 2;
  for (; memory_.is_state_full() && left_alone_ < kRounds * evictable_.size();
       evictable_.push_back(evictable_.front()), evictable_.pop_front()) {
    if (clock_.monotonic_us() >= until_us)
      return loop_.post_rest("eviction", [this] { evict_idle(); });
    ShardTask& task = *evictable_.front();
    left_alone_ = task.task->evict(kLookedAt) > 0 ? 0 : left_alone_ + 1;
    charge_memory(task);
  }
  is_evicting_ = false;
}

// Ends all scans, because they keep state in memory. Does nothing if the tasks have little state,
// because ending scans would then free little memory.
void Shard::overtake_scans() {
  size_t bytes = 0;
  for (const ShardTask* task : evictable_) bytes += state_bytes_of(*task);
  if (bytes < kMuchState) return;
  for (ShardTask* task : evictable_) end_scans(*task, SIZE_MAX);
}

// Ends scans of the task to free `bytes`. Frees the scans' copies of rows now, because their
// readers may not return for an hour.
void Shard::end_scans(ShardTask& task, size_t bytes) {
  for (const engine::StoreScanPtr& scan : task.task->overtake_scans(bytes))
    release_in_slices([scan] { return scan->release_some(); });
  task.memory->scans.resize(scan_bytes_of(task));
}

}  // namespace server
