// The functions of Shard that report its tasks: their tables, positions and figures.
#include <fmt/format.h>

#include <algorithm>

#include "engine/exec/slow_row.h"
#include "server/metadata/query_topics.h"
#include "server/tasks/shard.h"
#include "server/tasks/shard/task_helpers.h"

namespace server {

namespace {

// Returns the text of ShardTaskReport::positions. Partitions of an exchange between two stages have
// no topic name.
std::string positions_of(engine::Task& task) {
  std::string text;
  for (const engine::Task::Input& input : task.inputs()) {
    if (input.partition.topic == kGeneratedRows)
      return fmt::format("generated@{}", input.next.value());
    const std::string& topic = task.stage().inputs()[input.input]->step().topic;
    text +=
        fmt::format("{}{}-{}@{}", text.empty() ? "" : ", ", input.is_exchange ? "exchange" : topic,
                    input.partition.partition.value(), input.next.value());
  }
  return text;
}

// Logs a row whose processing takes so long that users notice.
void tell_of(const engine::SlowRow& row, int64_t now_us, std::string& last_error) {
  const int64_t seconds = (now_us - row.begun_us()) / 1'000'000;
  if (seconds > 0)
    last_error =
        fmt::format("waits: one record's expressions, for {} s so far (partition {}, offset {})",
                    seconds, row.row().partition_of(0), row.row().offsets.front());
}

}  // namespace

std::vector<ShardTask*> Shard::materializers(const std::string& query_id) {
  std::vector<ShardTask*> found;
  const auto query = tasks_.find(query_id);
  if (query == tasks_.end()) return found;
  for (const auto& task : query->second)
    if (task->view) found.push_back(task.get());
  return found;
}

void Shard::share(ShardTask& task) {
  task.shared = std::make_shared<engine::SharedTable>(task.plan, task.number, task.view);
  const std::lock_guard lock(shared_mutex_);
  shared_[task.query_id].push_back(task.shared);
}

void Shard::unshare(const ShardTask& task) {
  task.shared->close();
  const std::lock_guard lock(shared_mutex_);
  const auto query = shared_.find(task.query_id);
  std::erase(query->second, task.shared);
  if (query->second.empty()) shared_.erase(query);
}

std::vector<std::shared_ptr<engine::SharedTable>> Shard::shared_tables(
    const std::string& query_id) {
  const std::lock_guard lock(shared_mutex_);
  const auto query = shared_.find(query_id);
  if (query == shared_.end()) return {};
  return query->second;
}

std::optional<int64_t> Shard::lag_of(const ShardTask& entry) const {
  const engine::Task& task = *entry.task;
  if (entry.generator)
    return std::max<int64_t>(0, entry.generator->due() - task.durable_positions().front());
  int64_t lag = 0;
  for (size_t i = 0; i < task.inputs().size(); ++i) {
    const auto status = log_.find_partition(to_storage(task.inputs()[i].partition));
    if (!status) return std::nullopt;
    lag += std::max<int64_t>(0, status->readable_end() - task.durable_positions()[i]);
  }
  return lag;
}

std::vector<InputPosition> Shard::positions(std::span<const std::string> queries) const {
  std::vector<InputPosition> positions;
  for (const std::string& id : queries) {
    const auto tasks = tasks_.find(id);
    if (tasks == tasks_.end()) continue;
    for (const auto& task : tasks->second) {
      const auto& inputs = task->task->inputs();
      for (size_t i = 0; i < inputs.size(); ++i)
        if (!inputs[i].is_exchange)
          positions.push_back({id, inputs[i].partition, task->task->durable_positions()[i]});
    }
  }
  return positions;
}

std::vector<ShardTaskReport> Shard::reports() const {
  std::vector<ShardTaskReport> reports;
  for (const std::string& id : persistent_queries())
    report(id, ReportDetail::WithPositions, reports);
  return reports;
}

std::vector<std::string> Shard::persistent_queries() const {
  std::vector<std::string> ids;
  for (const auto& [id, tasks] : tasks_)
    if (!tasks.empty() && !is_transient(*tasks.front())) ids.push_back(id);
  return ids;
}

void Shard::report(const std::string& query_id, ReportDetail detail,
                   std::vector<ShardTaskReport>& to) const {
  const auto tasks = tasks_.find(query_id);
  if (tasks == tasks_.end()) return;
  const int64_t now_us = clock_.monotonic_us();
  for (const auto& task : tasks->second) {
    if (is_transient(*task)) continue;
    ShardTaskReport& report = to.emplace_back();
    report.query_id = query_id;
    report.task_id = task->task->id();
    report.stage = task->stage;
    report.epoch = task->task->epoch();
    if (detail == ReportDetail::WithPositions) report.positions = positions_of(*task->task);
    report.metrics = task->task->metrics();
    if (!task->task->waits_for().empty())
      report.metrics.last_error = "waits: " + task->task->waits_for();
    if (const engine::SlowRow* row = task->task->slow_row())
      tell_of(*row, now_us, report.metrics.last_error);
    report.awaited_query = task->task->awaited_query();
    report.metrics.records_per_second = task->rate.per_second(now_us);
    report.lag_records = lag_of(*task);
    report.has_failed = task->task->failure().has_value();
    report.is_paused = task->is_paused;
    report.is_standby = task->standby.has_value();
    for (const engine::Store* store : task->task->stage().stores())
      report.state_entries += store->size();
    report.held_back_us = task->held_back_us;
    if (task->held_back_since_us) report.held_back_us += now_us - *task->held_back_since_us;
    report.backlog = journals_.at(task->journal)->checkpoints->backlog_of(report.task_id);
    report.state_bytes = report.memory_bytes = state_bytes_of(*task);
  }
}

}  // namespace server
