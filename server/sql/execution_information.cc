#include <fmt/format.h>

#include <algorithm>

#include "engine/system_tables/information.h"
#include "server/sql/execution.h"

namespace server {

namespace {

// Asks all shards what their tasks are doing, where the statement wants to know.
class InformationExecution final : public SqlExecution {
 public:
  InformationExecution(SqlSession& session, sql::Receiver& receiver,
                       std::shared_ptr<const engine::ParsedStatement> statement,
                       MetadataImagePtr image)
      : SqlExecution(session, receiver),
        statement_(std::move(statement)),
        image_(std::move(image)) {}

  void begin() {
    if (!engine::needs_statuses(statement_->statement)) return answer();
    const std::vector<Shard*>& shards = session().parts().queries.shards();
    left_ = shards.size();
    for (size_t number = 0; number < shards.size(); ++number) {
      auto report = on_loop([this, number](std::vector<ShardTaskReport> reports) {
        for (const ShardTaskReport& each : reports) add(each, number);
        if (--left_ == 0) answer();
      });
      shards[number]->post([shard = shards[number], report] { report(shard->reports()); });
    }
  }

 private:
  void add(const ShardTaskReport& report, size_t shard) {
    add_to(statuses_[report.query_id], report);
    engine::TaskStatus& task = tasks_.emplace_back();
    task.query_id = report.query_id;
    task.task = report.task_id;
    task.stage = report.stage;
    task.shard = static_cast<int64_t>(shard);
    task.epoch = report.epoch.value();
    task.positions = report.positions;
    task.journal_bytes = static_cast<int64_t>(report.backlog.journal_bytes);
    if (report.backlog.age_us) task.checkpoint_age_ms = *report.backlog.age_us / 1000;
    add_to(task.status, report);
  }

  static void add_to(engine::QueryStatus& status, const ShardTaskReport& report) {
    if (report.is_paused && status.state != "ERROR") status.state = "PAUSED";
    if (report.has_failed) status.state = "ERROR";
    status.lag_records += report.metrics.lag_records;
    status.records_in += report.metrics.records_in;
    status.records_failed += report.metrics.records_failed;
    status.state_entries += report.state_entries;
    status.state_bytes += report.state_bytes;
    status.memory_bytes += report.memory_bytes;
    status.records_late += report.metrics.records_late;
    status.records_per_second += report.metrics.records_per_second;
    if (!report.metrics.last_error.empty()) status.last_error = report.metrics.last_error;
    // Of several tasks the one that is furthest ahead: what is late is late because of its record.
    if (const engine::StreamTime& time = report.metrics.stream_time;
        time.offset >= 0 && time.timestamp >= status.stream_time) {
      status.stream_time = time.timestamp;
      status.time_moved_by = fmt::format("partition {}, offset {}, time {}", time.partition,
                                         time.offset, time.timestamp);
    }
  }

  void answer() {
    for (const auto& [id, trouble] : session().parts().supervisor.troubles()) {
      statuses_[id].state = "ERROR";
      statuses_[id].last_error = fmt::format("{}. {}", trouble.message, trouble.hint);
    }
    const engine::Properties properties = session().properties();
    const std::map<std::string, std::string> no_variables;
    const SnapshotTopics topics(*image_->topics);
    const ImageQueries queries(*image_);
    std::ranges::sort(tasks_, {}, &engine::TaskStatus::task);
    std::vector<engine::ServerFact> facts;
    if (engine::needs_server_facts(statement_->statement)) facts = session().parts().server_facts();
    Result<engine::InformationRows> rows = engine::answer_information(
        statement_->statement,
        {*image_->catalog, topics, queries, statuses_, session().parts().settings.engine,
         properties, no_variables, &tasks_, &facts});
    if (!rows) return receiver().on_error(std::move(rows).error());
    if (rows->rows > 0) receiver().on_rows(rows->columns, 0, rows->rows);
    receiver().on_done({"SELECT"});
  }

  const std::shared_ptr<const engine::ParsedStatement> statement_;
  const MetadataImagePtr image_;
  engine::QueryStatuses statuses_;
  std::vector<engine::TaskStatus> tasks_;
  size_t left_ = 0;
};

}  // namespace

std::unique_ptr<sql::Execution> run_information(
    SqlSession& session, sql::Receiver& receiver,
    std::shared_ptr<const engine::ParsedStatement> statement, MetadataImagePtr image) {
  auto run = std::make_unique<InformationExecution>(session, receiver, std::move(statement),
                                                    std::move(image));
  run->begin();
  return run;
}

}  // namespace server
