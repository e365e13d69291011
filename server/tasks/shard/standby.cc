// The functions of Shard for standby tasks. Another node runs these tasks; this shard applies their commits to its
// copies of their tables.
#include <algorithm>
#include <cassert>
#include <utility>

#include "base/task_id.h"
#include "server/tasks/shard.h"
#include "server/tasks/shard/task_helpers.h"

namespace server {

void Shard::carried_out(const std::vector<FollowedCommit>& commits) {
  for (const FollowedCommit& each : commits) {
    committed(each.durable);
    const auto query = tasks_.find(std::string(query_of(each.durable.task)));
    if (query == tasks_.end()) continue;
    const auto found = std::ranges::find_if(query->second, [&](const auto& task) {
      return !is_transient(*task) && task->task->id() == each.durable.task;
    });
    if (found == query->second.end()) continue;
    ShardTask& task = **found;
    if (task.own_sink) task.own_sink->answered(each.durable.sequence, each.durable.commit);
    if (!task.standby) continue;
    if (task.standby->waiting.empty()) {
      task.standby->since_us = clock_.monotonic_us();
      followers_behind_.push_back(&task);
    }
    task.standby->waiting.push_back(each);
    task.standby->waiting_bytes += each.commit->entry.size();
  }
  follow_all();
}

void Shard::follow_all() {
  for (ShardTask* task : std::vector<ShardTask*>(followers_behind_)) follow(*task);
  std::erase_if(followers_behind_,
                [](const ShardTask* task) { return task->standby->waiting.empty(); });
  constexpr int64_t kPauseMs = 5;
  if (!followers_behind_.empty()) return follow_timer_->start_once(kPauseMs);
  for (const auto& done : std::exchange(await_followers_, {})) done();
}

// Applies the waiting commits to the table of a standby task. A scan shows a table as it was when
// the scan began, and a standby task does not keep old rows for scans. So the commits wait until
// the scans have ended. They wait at most kPatienceUs, and only until they have kMostBytes; after
// that the scans are ended with an error.
void Shard::follow(ShardTask& task) {
  constexpr int64_t kPatienceUs = 5'000'000;
  constexpr size_t kMostBytes = 32 << 20;
  ShardTask::Standby& standby = *task.standby;
  const bool is_read = task.admitted_holds > 0 ||
                       std::ranges::any_of(task.task->stage().stores(), [](engine::Store* store) {
                         // removes scans that have ended from the store's list
                         (void)store->overtake_scans(0);
                         return store->layers().has_scans();
                       });
  if (is_read && clock_.monotonic_us() - standby.since_us < kPatienceUs &&
      standby.waiting_bytes < kMostBytes)
    return;
  if (is_read) end_scans(task, SIZE_MAX);
  for (const FollowedCommit& each : std::exchange(standby.waiting, {})) {
    assert(each.commit->sequence == each.durable.sequence);
    if (task.task->failure()) continue;
    auto entry = engine::decode_journal(each.commit->entry);
    if (entry && !standby.keeps_state) {
      entry->changes = {};
      entry->sizes = {};
    }
    const Status followed =
        entry ? task.task->follow(*entry, each.durable.sequence, each.durable.commit)
              : Status(entry.error());
    if (!followed) give_up(task, followed.error());
  }
  standby.waiting_bytes = 0;
  charge_memory(task);
  check_waiters(task);
}

void Shard::when_followed(std::function<void()> done) {
  if (followers_behind_.empty()) return done();
  await_followers_.push_back(std::move(done));
}

}  // namespace server
