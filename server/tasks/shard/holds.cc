// The functions of Shard that hold tasks between two commits, so that readers find their tables unchanged.
#include <algorithm>
#include <utility>

#include "server/tasks/shard.h"

namespace server {

namespace {

// A task may be held (stopped between two commits) for a reader. Between two holds it may work for
// at least this time, if it has enough work.
constexpr int64_t kMostWorkUs = 20'000;

}  // namespace

// Returns whether the task is between two commits. This includes a failed task, because it does no
// further work.
bool Shard::stands(const ShardTask& task) {
  return task.task->is_between_commits() || task.task->failure();
}

void Shard::hold(const std::string& query_id, const void* holder, std::function<void()> standing) {
  const std::vector<ShardTask*> tasks = materializers(query_id);
  const auto countdown = std::make_shared<Countdown>(
      tasks.size() + 1, [standing = std::move(standing)](const Status&) { standing(); });
  for (ShardTask* task : tasks) {
    task->holds.push_back({holder, countdown});
    admit_holds(*task);
  }
  countdown->one();
}

// Stops the task for all waiting requests to hold it (hold()), unless the task is held already, or has worked for a
// shorter time than the last hold took.
void Shard::admit_holds(ShardTask& task) {
  if (task.holds.size() == task.admitted_holds || task.admitted_holds > 0) return;
  const int64_t now_us = clock_.monotonic_us();
  if (task.is_queued && now_us < task.works_until_us) return;
  for (ShardTask::Hold& hold : task.holds) hold.is_admitted = true;
  task.admitted_holds = task.holds.size();
  task.held_since_us = now_us;
  schedule(task);
  note_standing(task);
}

void Shard::note_standing(ShardTask& task) {
  if (task.admitted_holds == 0 || !stands(task)) return;
  // The callbacks run after the loop below, because a callback may release its hold.
  std::vector<std::shared_ptr<Countdown>> reached;
  for (ShardTask::Hold& hold : task.holds)
    if (hold.is_admitted && hold.awaited) reached.push_back(std::exchange(hold.awaited, nullptr));
  for (const auto& countdown : reached) countdown->one();
}

void Shard::release(const std::string& query_id, const void* holder) {
  for (ShardTask* task : materializers(query_id)) {
    const size_t held = task->admitted_holds;
    std::erase_if(task->holds, [&](const ShardTask::Hold& hold) {
      if (hold.holder != holder) return false;
      task->admitted_holds -= hold.is_admitted ? 1 : 0;
      return true;
    });
    if (held == 0 || task->admitted_holds > 0) continue;
    const int64_t now_us = clock_.monotonic_us();
    task->works_until_us = now_us + std::min(now_us - task->held_since_us, kMostWorkUs);
    schedule(*task);
    admit_holds(*task);
  }
}

bool Shard::is_held(const ShardTask& task, const void* holder) {
  const auto hold = std::ranges::find(task.holds, holder, &ShardTask::Hold::holder);
  return hold != task.holds.end() && hold->is_admitted;
}

}  // namespace server
