#include "server/tasks/shard.h"

#include <algorithm>

#include "base/log.h"

namespace server {

namespace {

constexpr int64_t kTickMs = 500;    // how often checkpoints are thought about
constexpr int64_t kTurnUs = 2'000;  // of work on tasks before sockets get their turn

}  // namespace

Shard::Shard(storage::Log& log, const Clock& clock, OnFailure on_failure)
    : clock_(clock), on_failure_(std::move(on_failure)), sink_(log, loop_, [this] {
        for (const auto& task : tasks_) schedule(*task);
      }) {}

Result<std::unique_ptr<Shard>> Shard::make(storage::Log& log, const Clock& clock,
                                           OnFailure on_failure) {
  std::unique_ptr<Shard> shard(new Shard(log, clock, std::move(on_failure)));
  shard->sources_ = TRY(LogSources::open(log));
  shard->timer_ = std::make_unique<Timer>(shard->loop_, [raw = shard.get()] { raw->tick(); });
  shard->timer_->start_every(kTickMs);
  return shard;
}

Shard::~Shard() { stop_thread(); }

void Shard::start_thread() {
  thread_ = std::thread([this] { loop_.run(); });
}

void Shard::stop_thread() {
  if (!thread_.joinable()) return;
  loop_.stop();
  thread_.join();
}

void Shard::wake(std::span<const storage::TopicPartition> partitions) {
  bool was_empty;
  {
    std::lock_guard lock(woken_mutex_);
    was_empty = woken_.empty();
    woken_.insert(woken_.end(), partitions.begin(), partitions.end());
  }
  if (was_empty) loop_.post([this] { take_woken(); });
}

void Shard::take_woken() {
  std::vector<storage::TopicPartition> woken;
  {
    std::lock_guard lock(woken_mutex_);
    woken.swap(woken_);
  }
  for (const storage::TopicPartition& partition : woken) {
    const auto found = readers_.find(to_engine(partition));
    if (found == readers_.end()) continue;
    for (ShardTask* task : found->second) schedule(*task);
  }
}

ShardTask& Shard::add(std::unique_ptr<ShardTask> task) {
  ShardTask& added = *task;
  for (const engine::Task::Input& input : added.task->inputs())
    readers_[input.partition].push_back(&added);
  added.task->on_answer([this, &added] { schedule(added); });
  tasks_.push_back(std::move(task));
  schedule(added);
  return added;
}

void Shard::remove(ShardTask& task) {
  sink_.forget(task.task->id());
  for (const engine::Task::Input& input : task.task->inputs()) {
    const auto found = readers_.find(input.partition);
    if (found == readers_.end()) continue;
    std::erase(found->second, &task);
    if (found->second.empty()) readers_.erase(found);
  }
  std::erase(ready_, &task);
  for (ShardTask::Waiter& waiter : std::exchange(task.waiters, {}))
    waiter.reached(Error{ErrorCode::UndefinedObject, "the query has ended"});
  const auto at = std::ranges::find(tasks_, &task, &std::unique_ptr<ShardTask>::get);
  if (at == tasks_.end()) return;
  if (stepping_ == &task) removed_.push_back(std::move(*at));
  tasks_.erase(at);
}

void Shard::remove_query(const std::string& query_id) {
  std::vector<ShardTask*> found;
  for (const auto& task : tasks_)
    if (task->query_id == query_id && !task->after_step) found.push_back(task.get());
  for (ShardTask* task : found) remove(*task);
}

void Shard::pause_query(const std::string& query_id, bool is_paused) {
  for (const auto& task : tasks_) {
    if (task->query_id != query_id || task->after_step) continue;
    task->is_paused = is_paused;
    if (!is_paused) schedule(*task);
  }
}

void Shard::schedule(ShardTask& task) {
  if (task.is_queued || task.is_paused) return;
  task.is_queued = true;
  ready_.push_back(&task);
  if (slice_is_posted_) return;
  slice_is_posted_ = true;
  loop_.post([this] { run_slice(); });
}

// Steps tasks in turn for about two milliseconds, then lets the loop look at its sockets.
void Shard::run_slice() {
  slice_is_posted_ = false;
  const int64_t until_us = clock_.monotonic_us() + kTurnUs;
  while (!ready_.empty() && clock_.monotonic_us() < until_us) {
    ShardTask& task = *ready_.front();
    ready_.pop_front();
    task.is_queued = false;
    if (task.is_paused) continue;
    stepping_ = &task;
    const engine::StepResult result = task.task->step();
    if (result == engine::StepResult::More) schedule(task);
    report_failure(task);
    check_waiters(task);
    if (task.after_step) task.after_step(result);
    stepping_ = nullptr;
    removed_.clear();
  }
  if (ready_.empty() || slice_is_posted_) return;
  slice_is_posted_ = true;
  loop_.post([this] { run_slice(); });
}

void Shard::check_waiters(ShardTask& task) {
  if (task.waiters.empty()) return;
  std::vector<ShardTask::Waiter> reached;
  std::erase_if(task.waiters, [&](ShardTask::Waiter& waiter) {
    const bool passed = std::ranges::all_of(waiter.targets, [&](const auto& target) {
      return std::ranges::all_of(task.task->inputs(), [&](const engine::Task::Input& input) {
        return input.partition != target.first || input.next >= target.second;
      });
    });
    if (passed || task.task->failure()) reached.push_back(std::move(waiter));
    return passed || task.task->failure();
  });
  for (ShardTask::Waiter& waiter : reached) task.task->when_durable(std::move(waiter.reached));
}

void Shard::when_passed(const std::string& query_id, int stage,
                        const std::vector<std::pair<engine::PartitionRef, Offset>>& targets,
                        std::function<void(Status)> passed) {
  // One answer for all tasks: the last of them gives it.
  struct Countdown {
    size_t left = 1;
    Status status;
    std::function<void(Status)> passed;
    void one(Status each) {
      if (!each) status = std::move(each);
      if (--left == 0) passed(std::move(status));
    }
  };
  auto countdown = std::make_shared<Countdown>();
  countdown->passed = std::move(passed);
  std::vector<ShardTask*> concerned;
  for (const auto& task : tasks_)
    if (task->query_id == query_id && task->stage == stage && !task->after_step)
      concerned.push_back(task.get());
  for (ShardTask* task : concerned) {
    ++countdown->left;
    task->waiters.push_back(
        {targets, [countdown](Status status) { countdown->one(std::move(status)); }});
    check_waiters(*task);
  }
  countdown->one({});
}

std::vector<ShardTask*> Shard::keepers(const std::string& query_id) {
  std::vector<ShardTask*> found;
  for (const auto& task : tasks_)
    if (task->query_id == query_id && task->view) found.push_back(task.get());
  return found;
}

std::vector<ShardTaskReport> Shard::reports() const {
  std::vector<ShardTaskReport> reports;
  for (const auto& task : tasks_)
    if (!task->after_step)
      reports.push_back({task->query_id, task->task->metrics(), task->task->failure().has_value(),
                         task->is_paused});
  return reports;
}

void Shard::tick() {
  std::vector<ShardTask*> all;  // a report may remove tasks
  for (const auto& task : tasks_) all.push_back(task.get());
  for (ShardTask* task : all) {
    if (task->checkpoints) task->checkpoints->tick();
    report_failure(*task);
  }
}

void Shard::report_failure(ShardTask& task) {
  if (task.failure_is_reported || task.after_step || !task.task->failure()) return;
  task.failure_is_reported = true;
  on_failure_(task);
}

}  // namespace server
