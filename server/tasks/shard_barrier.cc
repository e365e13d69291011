// The functions of Shard for barriers. A barrier stops the tasks of several queries after the same records, for
// consistent reads (docs/adr/0153).
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/exec/recompute.h"
#include "server/tasks/shard.h"

namespace server {

namespace {

Error is_not_whole(const std::string& query_id) {
  return {ErrorCode::ObjectState, fmt::format("query {} does not have all of its tasks", query_id)};
}

}  // namespace

std::vector<ShardTask*> Shard::tasks_of(const std::string& query_id, int stage) const {
  std::vector<ShardTask*> found;
  const auto query = tasks_.find(query_id);
  if (query == tasks_.end()) return found;
  for (const auto& task : query->second)
    if (task->stage == stage && !task->after_step) found.push_back(task.get());
  return found;
}

Result<std::vector<ShardTask*>> Shard::tasks_at(const StageAtBarrier& at) const {
  std::vector<ShardTask*> tasks = tasks_of(at.query_id, at.stage);
  if (tasks.size() != at.tasks || !std::ranges::all_of(tasks, [&](const ShardTask* task) {
        return is_at_barrier(*task, at.barrier);
      }))
    return is_not_whole(at.query_id);
  return tasks;
}

Status Shard::prepare(const StageAtBarrier& at, const std::function<void(Error)>& left) {
  const std::vector<ShardTask*> tasks = tasks_of(at.query_id, at.stage);
  if (tasks.size() != at.tasks) return is_not_whole(at.query_id);
  for (const ShardTask* task : tasks) {
    if (task->is_paused)
      return Error{ErrorCode::ObjectState, fmt::format("query {} is paused", at.query_id)};
    if (!task->limited || task->task->failure())
      return Error{ErrorCode::ObjectState, fmt::format("query {} does not run", at.query_id)};
    if (task->at_barrier && task->at_barrier->number != at.barrier)
      return Error{ErrorCode::ObjectState,
                   fmt::format("query {} is part of another barrier", at.query_id)};
  }
  for (ShardTask* task : tasks) {
    if (!task->at_barrier) task->at_barrier = std::make_unique<ShardTask::AtBarrier>();
    task->at_barrier->number = at.barrier;
    task->at_barrier->is_prepared = true;
    task->at_barrier->left = left;
  }
  return {};
}

Status Shard::limit(const StageAtBarrier& at, const CutsPtr& cuts) {
  const std::vector<ShardTask*> tasks = TRY(tasks_at(at));
  for (const ShardTask* task : tasks)
    for (const engine::Task::Input& input : task->task->inputs())
      if (const auto cut = cuts->find(input.partition);
          cut != cuts->end() && input.next > cut->second)
        return Error{ErrorCode::ObjectState,
                     fmt::format("query {} has read beyond the barrier", at.query_id)};
  for (ShardTask* task : tasks) {
    task->limited->limit(cuts);
    task->at_barrier->is_prepared = false;
    schedule(*task);
  }
  return {};
}

void Shard::when_standing(const StageAtBarrier& at,
                          const std::vector<std::pair<engine::PartitionRef, Offset>>& cuts,
                          std::function<void(Status)> stands) {
  const auto tasks = tasks_at(at);
  if (!tasks) return stands(tasks.error());
  const auto countdown = std::make_shared<Countdown>(tasks->size() + 1, std::move(stands));
  for (ShardTask* task : *tasks) {
    ShardTask::AtBarrier& part = *task->at_barrier;
    part.cuts = Cuts(cuts.begin(), cuts.end());
    part.stands = [countdown](Status status) { countdown->one(std::move(status)); };
    // A view that rests between two runs computes its rows at once, since a reader waits.
    if (engine::RecomputeOperator* view = task->task->stage().view()) view->set_awaited(true);
    check_standing(*task);
    rest(*task);
    schedule(*task);
  }
  countdown->one();
}

void Shard::check_standing(ShardTask& task) {
  ShardTask::AtBarrier& part = *task.at_barrier;
  const engine::Task& its = *task.task;
  if (!part.stands || its.failure() || its.shows_again() || !its.has_published() ||
      its.has_unfinished() || !its.is_between_commits())
    return;
  const auto& inputs = its.inputs();
  for (size_t i = 0; i < inputs.size(); ++i)
    if (const auto cut = part.cuts.find(inputs[i].partition);
        cut != part.cuts.end() && its.visible_position(i) < cut->second)
      return;
  const auto stands = std::exchange(part.stands, nullptr);
  if (engine::RecomputeOperator* view = task.task->stage().view())
    view->set_awaited(!task.waiters.empty());
  task.task->when_durable(stands);
}

void Shard::break_barrier(ShardTask& task, Error why) {
  if (!task.at_barrier) return;
  why.message = fmt::format("query {}: {}", task.query_id, why.message);
  const std::unique_ptr<ShardTask::AtBarrier> part = std::move(task.at_barrier);
  task.limited->lift();
  if (part->stands) part->stands(why);
  if (part->left) part->left(std::move(why));
}

void Shard::leave_barrier(uint64_t barrier, const std::string& query_id, int stage) {
  const auto query = tasks_.find(query_id);
  if (query == tasks_.end()) return;
  for (const auto& task : query->second) {
    if (!is_at_barrier(*task, barrier) || (stage >= 0 && task->stage != stage)) continue;
    task->at_barrier.reset();
    task->limited->lift();
    schedule(*task);
  }
}

}  // namespace server
