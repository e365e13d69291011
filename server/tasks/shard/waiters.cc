// The functions of Shard for progress: readers that wait until tasks have passed positions, and the positions that a
// query has reached.
#include <algorithm>
#include <map>
#include <utility>

#include "server/tasks/shard.h"
#include "server/tasks/shard/task_helpers.h"

namespace server {

namespace {

// The topic id in the keys that new_wake_key() returns. wake() finds waiting tasks by a topic and a
// partition, and no topic has this id.
constexpr Uuid kWakeKeys{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}};

}  // namespace

void Shard::check_waiters(ShardTask& task) {
  if (task.waiters.empty()) return;
  std::vector<ShardTask::Waiter> reached;
  std::erase_if(task.waiters, [&](ShardTask::Waiter& waiter) {
    const auto& inputs = task.task->inputs();
    const bool passed = !task.task->shows_again() && task.task->has_published() &&
                        std::ranges::all_of(waiter.targets, [&](const auto& target) {
                          for (size_t i = 0; i < inputs.size(); ++i)
                            if (inputs[i].partition == target.first &&
                                task.task->visible_position(i) < target.second)
                              return false;
                          return true;
                        });
    if (passed || task.task->failure()) reached.push_back(std::move(waiter));
    return passed || task.task->failure();
  });
  note_readers(task);
  for (ShardTask::Waiter& waiter : reached) task.task->when_durable(std::move(waiter.reached));
}

void Shard::when_passed(const std::string& query_id, int stage,
                        const std::vector<std::pair<engine::PartitionRef, Offset>>& targets,
                        const std::weak_ptr<const void>& receiver,
                        std::function<void(Status)> passed) {
  std::vector<ShardTask*> concerned;
  if (const auto query = tasks_.find(query_id); query != tasks_.end())
    for (const auto& task : query->second)
      if (task->stage == stage && !is_transient(*task)) concerned.push_back(task.get());
  const auto countdown = std::make_shared<Countdown>(concerned.size() + 1, std::move(passed));
  for (ShardTask* task : concerned) {
    forget_expired(task->waiters);
    task->waiters.push_back(
        {targets, receiver, [countdown](Status status) { countdown->one(std::move(status)); }});
    check_waiters(*task);
    rest(*task);
    attend(*task);
  }
  countdown->one();
}

engine::PartitionRef Shard::new_wake_key() {
  static std::atomic<int32_t> last = 0;
  return {kWakeKeys, PartitionId(++last)};
}

// Publishes the task's durable positions (server/tasks/query_progress.h). The change wakes joins
// that read the task's output and wait until the positions have passed their targets.
void Shard::publish(const ShardTask& task) {
  if (!task.progress) return;
  std::vector<ProgressOfQuery::Target> positions;
  const auto& inputs = task.task->inputs();
  positions.reserve(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i)
    positions.emplace_back(inputs[i].partition, task.task->durable_positions()[i]);
  const engine::TaskMetrics& metrics = task.task->metrics();
  task.progress->publish(task.stage, task.number, positions,
                         {metrics.records_late, metrics.records_in});
}

Shard::Passed Shard::passed(
    const std::string& query_id, int stage,
    const std::vector<std::pair<engine::PartitionRef, Offset>>& targets) const {
  Passed passed;
  const auto query = tasks_.find(query_id);
  if (query == tasks_.end()) return passed;
  const std::map<engine::PartitionRef, Offset> ends(targets.begin(), targets.end());
  for (const auto& task : query->second) {
    if (task->stage != stage || is_transient(*task)) continue;
    ++passed.tasks;
    passed.all = passed.all && !task->task->shows_again() && task->task->has_published();
    const auto shown_again = static_cast<int64_t>(task->task->rows_shown_again());
    passed.records += shown_again;
    passed.positions += shown_again;
    const auto& inputs = task->task->inputs();
    for (size_t i = 0; i < inputs.size(); ++i) {
      const auto target = ends.find(inputs[i].partition);
      if (target == ends.end()) continue;
      const auto status = log_.find_partition(to_storage(inputs[i].partition));
      const Offset start = std::min(status ? status->log_start() : Offset(0), target->second);
      const Offset at = std::clamp(task->task->durable_positions()[i], start, target->second);
      passed.all = passed.all && task->task->shows_durably(i, target->second);
      passed.records += at - start;
      passed.of_records += target->second - start;
      passed.positions += at - Offset(0);
    }
  }
  return passed;
}

}  // namespace server
