#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/system_tables/information.h"
#include "server/sql/execution.h"

namespace server {

namespace {

// Asks all shards what their tasks are doing, where the statement wants to know; a worker makes the
// answer.
class InformationExecution final : public SqlExecution {
 public:
  InformationExecution(SqlSession& session, sql::Receiver& receiver,
                       std::shared_ptr<const engine::ParsedStatement> statement,
                       MetadataImagePtr image)
      : SqlExecution(session, receiver),
        statement_(std::move(statement)),
        image_(std::move(image)) {}

  void begin() {
    if (engine::needs_consumer_groups(statement_->statement) && session().parts().consumer_groups)
      return session().parts().consumer_groups(
          on_loop([this](std::vector<engine::ConsumerGroup> groups) {
            groups_ = std::move(groups);
            answer();
          }));
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
  void resume() override {
    SqlExecution::resume();
    if (rows_ && !is_over_) show_soon();
  }

 private:
  void add(const ShardTaskReport& report, size_t shard) {
    const auto [query, is_first] = statuses_.try_emplace(report.query_id);
    add_to(query->second, report);
    // What is not known of one task is not known of all.
    std::optional<int64_t>& lag = query->second.lag_records;
    if (is_first)
      lag = report.lag_records;
    else if (lag && report.lag_records)
      *lag += *report.lag_records;
    else
      lag.reset();
    engine::TaskStatus& task = tasks_.emplace_back();
    task.query_id = report.query_id;
    task.task = report.task_id;
    task.stage = report.stage;
    task.shard = static_cast<int64_t>(shard);
    task.epoch = report.epoch.value();
    task.positions = report.positions;
    task.journal_bytes = static_cast<int64_t>(report.backlog.journal_bytes);
    task.held_back_ms = report.held_back_us / 1000;
    if (report.backlog.age_us) task.checkpoint_age_ms = *report.backlog.age_us / 1000;
    add_to(task.status, report);
    task.status.lag_records = report.lag_records;
    task.status.records_failed += report.has_failed;  // the one at which it stopped
  }

  static void add_to(engine::QueryStatus& status, const ShardTaskReport& report) {
    if (report.is_paused && status.state != "ERROR") status.state = "PAUSED";
    if (report.has_failed) status.state = "ERROR";
    status.records_in += report.metrics.records_in;
    status.records_failed += report.metrics.records_failed;
    status.state_entries += report.state_entries;
    status.state_bytes += report.state_bytes;
    status.memory_bytes += report.memory_bytes;
    status.records_late += report.metrics.records_late;
    status.records_ahead += report.metrics.records_ahead;
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

  // What the answer is made of, and the answer. Owned by the work, which may outlive the execution.
  struct Answer {
    std::shared_ptr<const engine::ParsedStatement> statement;
    MetadataImagePtr image;
    engine::QueryStatuses statuses;
    std::vector<engine::TaskStatus> tasks;
    std::vector<engine::ServerFact> facts;
    std::vector<engine::ConsumerGroup> groups;
    engine::Properties properties;
    const engine::EngineSettings& settings;
    engine::Properties server_properties;
    std::map<std::string, std::string> variables;
    Result<engine::InformationRows> rows = engine::InformationRows();

    void make() {
      const SnapshotTopics topics(*image->topics);
      const ImageQueries queries(*image);
      std::ranges::sort(tasks, {}, &engine::TaskStatus::task);
      std::ranges::sort(groups, {}, &engine::ConsumerGroup::id);
      rows = engine::answer_information(
          statement->statement,
          {*image->catalog, topics, queries, statuses, settings, properties, variables, &tasks,
           &facts, &groups, server_properties, image->schemas.get()});
    }
  };

  // EXPLAIN plans, and SHOW tells of 10,000 queries: neither is for a loop.
  void answer() {
    for (const auto& [id, trouble] : session().parts().supervisor.troubles()) {
      engine::QueryStatus& status = statuses_[id];
      status.state = "ERROR";
      status.last_error = fmt::format("{}. {}", trouble.message, trouble.hint);
      ++status.records_failed;  // what stopped it is an error, too
    }
    std::vector<engine::ServerFact> facts;
    if (engine::needs_server_facts(statement_->statement)) facts = session().parts().server_facts();
    auto answer = std::make_shared<Answer>(
        Answer{statement_,
               image_,
               std::move(statuses_),
               std::move(tasks_),
               std::move(facts),
               std::move(groups_),
               session().properties(),
               session().parts().settings.engine,
               {{"read.wait.ms", std::to_string(session().parts().settings.read_wait_ms)}},
               session().variables()});
    errand_ = session().run_aside(
        statement_->text.size(), [answer](const std::atomic<bool>&) { answer->make(); },
        [this, answer] {
          if (!answer->rows) return receiver().on_error(answer->rows.error());
          rows_ = std::move(*answer->rows);
          show();
        });
    if (!errand_) receiver().on_error(too_many_waiting());
  }

  // In portions, between which the loop turns to others.
  void show() {
    constexpr size_t kPortionRows = 512;
    is_waiting_ = false;
    if (is_paused()) return;
    const size_t first = shown_;
    shown_ = std::min(rows_->rows, first + kPortionRows);
    if (shown_ > first) receiver().on_rows(rows_->columns, first, shown_);
    is_over_ = shown_ == rows_->rows;
    if (is_over_)
      receiver().on_done({"SELECT"});
    else
      show_soon();
  }
  void show_soon() {
    if (!std::exchange(is_waiting_, true)) on_loop([this] { show(); })();
  }

  const std::shared_ptr<const engine::ParsedStatement> statement_;
  const MetadataImagePtr image_;
  engine::QueryStatuses statuses_;
  std::vector<engine::TaskStatus> tasks_;
  std::vector<engine::ConsumerGroup> groups_;
  size_t left_ = 0;  // shards that have not reported
  std::unique_ptr<sql::Errand> errand_;
  std::optional<engine::InformationRows> rows_;  // once they are there
  size_t shown_ = 0;
  bool is_waiting_ = false, is_over_ = false;  // the next portion is on its way; all are shown
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
