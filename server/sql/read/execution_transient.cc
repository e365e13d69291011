#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "engine/plan/op_column.h"
#include "server/metadata/query_topics.h"
#include "server/sql/execution.h"
#include "server/sql/read/catching_up.h"
#include "server/sql/read/read_preparation.h"

namespace server {

namespace {

constexpr size_t kStepBytes = 128 * 1024;  // bytes of records that a step reads
// Time until a query without new records notices that one of its sources was dropped. Each check is one comparison
// unless a definition has changed.
constexpr int64_t kSourceCheckMs = 500;

// Runs a task on the session's shard; the task reads all partitions of the query's sources.
class TransientExecution final : public SqlExecution {
 public:
  TransientExecution(SqlSession& session, sql::Receiver& receiver, engine::PlannedQuery planned,
                     MetadataImagePtr image, TransientEnd end)
      : SqlExecution(session, receiver),
        planned_(std::move(planned)),
        image_(std::move(image)),
        end_(end),
        rows_left_(planned_.limit ? *planned_.limit : INT64_MAX) {}
  ~TransientExecution() override { end(); }

  // Begins the query. If the query stops at the present end of its sources, its answer must contain
  // the rows that its session has written, even if they reach the sources through other queries. So
  // it waits until its sources have caught up.
  Status begin() {
    std::vector<CatchingUp::Made> made = made_sources();
    if (end_ != TransientEnd::AtPresentEnd || made.empty()) return find_ends();
    const bool is_of_streams = std::ranges::all_of(made, [this](const CatchingUp::Made& each) {
      const auto source = image_->catalog->find_source(each.name);
      return source && source->kind == engine::SourceKind::Stream;
    });
    catching_up_.emplace(session(), image_, is_of_streams ? "stream" : "", std::move(made));
    // CatchingUp may answer within begin(), before the caller owns this execution. begin() then returns the error.
    Status begun;
    is_beginning_ = true;
    catching_up_->begin([this, &begun](Status caught_up) {
      Status done = go_on(std::move(caught_up));
      if (is_beginning_)
        begun = std::move(done);
      else if (!done)
        fail(std::move(done).error());
    });
    is_beginning_ = false;
    return begun;
  }

  void pause() override {
    SqlExecution::pause();
    if (task_) task_->is_paused = true;
  }
  void resume() override {
    SqlExecution::resume();
    if (!task_) return;
    task_->is_paused = false;
    session().shard().schedule(*task_);
  }
  bool has_caught_up() const override { return has_caught_up_; }

 private:
  // Returns the sources that are written by queries.
  std::vector<CatchingUp::Made> made_sources() const {
    std::vector<CatchingUp::Made> made;
    for (const std::string& name : planned_.plan.sources) {
      const auto* source = image_->catalog->find_source(name);
      const storage::TopicInfo* topic = source ? image_->topics->find(source->topic) : nullptr;
      if (!topic) continue;
      for (const DefinedQueryPtr& writer : writers_of_topic(*image_, topic->id))
        made.push_back({name, writer});
    }
    return made;
  }
  Status go_on(Status caught_up) {
    TRY(std::move(caught_up));
    if (auto warning = catching_up_->take_warning()) receiver().on_notice(*std::move(warning));
    return find_ends();
  }
  Status find_ends() {
    return session().parts().cluster->asks_leaders() ? ask_leaders() : begin_reading();
  }
  void fail(Error error) {
    is_over_ = true;
    receiver().on_error(std::move(error));
  }

  // Asks the leaders for the present ends of the partitions.
  Status ask_leaders() {
    ClusterTopics& cluster = *session().parts().cluster;
    std::set<storage::TopicPartition> partitions;
    for (const engine::PlanNode& node : planned_.plan.stages.front().nodes) {
      const auto* step = std::get_if<engine::InputStep>(&node.step);
      const storage::TopicInfo* topic = step ? image_->topics->find(step->topic) : nullptr;
      if (topic && !cluster.has_topic(topic->id))
        return Error{ErrorCode::UndefinedSource,
                     fmt::format("{} was just dropped", step->source_name)};
      for (PartitionId i{0}; topic && i < PartitionId{topic->partition_count}; ++i) {
        if (!cluster.has_replica({topic->id, i}))
          return Error{
              ErrorCode::NotSupported,
              fmt::format("topic \"{}\" of {} has partitions without a replica on this node, so "
                          "reading it here is not supported in a cluster yet",
                          step->topic, step->source_name),
              {},
              "Connect to a node that has replicas of all partitions, or give the topic as many "
              "REPLICAS as the cluster has nodes."};
        partitions.insert({topic->id, i});
      }
    }
    const int64_t wait_ms = session().open_wait_ms();
    cluster.ask_ends(
        {partitions.begin(), partitions.end()}, wait_ms,
        on_loop([this, wait_ms](Result<ClusterTopics::Ends> ends) {
          if (!ends) {
            is_over_ = true;
            const bool is_open = ends.error().code == ErrorCode::ObjectState;
            return receiver().on_error(
                is_open
                    ? behind_transaction(engine::join_words(planned_.plan.sources, "and"), wait_ms)
                    : std::move(ends).error());
          }
          leaders_ends_ = {ends->begin(), ends->end()};
          if (Status begun = begin_reading(); !begun) fail(std::move(begun).error());
        }));
    return {};
  }

  Status begin_reading() {
    std::vector<engine::Task::Input> inputs = TRY(inputs_of(*image_, end_));
    explain_waiting(inputs);
    if (is_strict() && planned_.limit) inputs_ = inputs;
    TRY(add_task(std::move(inputs)));
    watch_sources();
    return {};
  }

  Status add_task(std::vector<engine::Task::Input> inputs) {
    auto entry = std::make_unique<ShardTask>();
    entry->query_id = planned_.plan.id;
    // A SELECT that ends by itself has already waited (catching_up_) for the queries that write its
    // tables. A push query waits for them here.
    if (end_ != TransientEnd::AtPresentEnd)
      session().parts().queries.await_writers(planned_.plan.stages.front(), planned_.plan.id,
                                              session().shard(), inputs, *entry);
    engine::TaskOptions options;
    options.is_transient = true;
    // All rows that one step of the task computes have to wait in memory until the client takes
    // them, so steps are small.
    options.max_bytes_per_step = kStepBytes;
    options.schemas = &session().parts().definitions.schemas();
    entry->task = TRY(engine::Task::make(
        planned_.plan.id, planned_.plan.stages.front(), std::move(inputs),
        engine::CallbackOutput::Take([this](engine::Batch batch) { show(std::move(batch)); }),
        session().shard().sources(), nullptr, session().parts().clock, Uuid::random().bytes[0],
        std::make_shared<const engine::Properties>(planned_.plan.properties), options));
    entry->after_step = [this](engine::StepResult result) { stepped(result); };
    entry->is_paused = is_paused();
    task_ = &session().shard().add(std::move(entry));
    return {};
  }

  Result<std::vector<engine::Task::Input>> inputs_of(const MetadataImage& image, TransientEnd end) {
    const auto reset = planned_.plan.properties.find("auto.offset.reset");
    const bool from_earliest =
        end == TransientEnd::AtPresentEnd ||
        (reset != planned_.plan.properties.end() && reset->second == "earliest");
    std::vector<engine::Task::Input> inputs;
    uint32_t index = 0;
    for (const engine::PlanNode& node : planned_.plan.stages.front().nodes) {
      const auto* step = std::get_if<engine::InputStep>(&node.step);
      if (!step) continue;
      const storage::TopicInfo* topic = image.topics->find(step->topic);
      if (!topic)
        return Error{ErrorCode::UnknownTopic,
                     fmt::format("topic \"{}\" of {} was deleted", step->topic, step->source_name),
                     {},
                     fmt::format("DROP {} and create it again.", step->source_name)};
      for (int32_t i = 0; i < topic->partition_count; ++i) {
        const storage::TopicPartition id{topic->id, PartitionId(i)};
        const auto status = session().parts().log.find_partition(id);
        const auto leaders_end = leaders_ends_.find(id);
        if (!status && leaders_end == leaders_ends_.end())
          return Error{
              ErrorCode::UnknownTopic,
              fmt::format("topic \"{}\" of {} was deleted", step->topic, step->source_name),
              {},
              fmt::format("DROP {} and create it again.", step->source_name)};
        // If this node does not have the replica yet, the task begins at offset 0: a new replica begins with the
        // first record of the partition.
        engine::Task::Input input{
            index, {topic->id, PartitionId(i)}, status ? status->log_start() : Offset(0), false, {},
            {}};
        const Offset present_end =
            leaders_end != leaders_ends_.end() ? leaders_end->second : status->readable_end();
        // With `compat = ksqldb` and auto.offset.reset = earliest, the query shows the history of a
        // table's rows, as in ksqlDB.
        const bool shows_past = from_earliest && session().parts().settings.engine.ksqldb_compat;
        if (step->kind == engine::SourceKind::Table && !step->is_joined && !shows_past)
          input.limit.bootstrap_end = present_end;
        else if (step->kind == engine::SourceKind::Stream && !from_earliest)
          input.next = present_end;
        if (end == TransientEnd::AtPresentEnd) input.limit.stop_at = present_end;
        inputs.push_back(input);
      }
      ++index;
    }
    return inputs;
  }

  // Ends a query whose source was dropped. DROP of a stream keeps the stream's topic, so without
  // this check the query would continue for ever. With `compat = ksqldb` it does continue, as in
  // ksqlDB.
  void watch_sources() {
    if (end_ == TransientEnd::AtPresentEnd || session().parts().settings.engine.ksqldb_compat)
      return;
    source_check_.emplace(session().shard().loop(), "sources of a push query", [this] {
      const MetadataImagePtr now = session().parts().definitions.image();
      if (is_over_ || now == checked_image_) return;
      checked_image_ = now;
      if (auto dropped = dropped_source(*now)) {
        end();
        receiver().on_error(*std::move(dropped));
      }
    });
    source_check_->start_every(kSourceCheckMs);
  }
  std::optional<Error> dropped_source(const MetadataImage& now) const {
    for (const engine::PlanNode& node : planned_.plan.stages.front().nodes) {
      const auto* step = std::get_if<engine::InputStep>(&node.step);
      if (!step || !image_->catalog->find_source(step->source_name) ||
          now.catalog->find_source(step->source_name))
        continue;
      return was_dropped(*step);
    }
    return std::nullopt;
  }
  static Error was_dropped(const engine::InputStep& step) {
    const std::string_view kind = step.kind == engine::SourceKind::Stream ? "stream" : "table";
    return {ErrorCode::UnknownTopic, fmt::format("{} {} was dropped", kind, step.source_name)};
  }

  // Returns the error for a running query that cannot continue because a source that it reads no
  // longer exists.
  std::optional<Error> gone_source() {
    const MetadataImagePtr now = session().parts().definitions.image();
    for (const engine::PlanNode& node : planned_.plan.stages.front().nodes) {
      const auto* step = std::get_if<engine::InputStep>(&node.step);
      const storage::TopicInfo* topic = step ? image_->topics->find(step->topic) : nullptr;
      if (!topic || session().parts().log.find_partition({topic->id, PartitionId(0)})) continue;
      const std::string_view kind = step->kind == engine::SourceKind::Stream ? "stream" : "table";
      const bool is_defined = now->catalog->find_source(step->source_name) != nullptr;
      if (is_defined && !now->topics->find(step->topic))
        return Error{
            ErrorCode::UnknownTopic,
            fmt::format("topic \"{}\" of {} {} was deleted", step->topic, kind, step->source_name),
            {},
            fmt::format("DROP {} and create it again.", step->source_name)};
      if (is_defined)
        return Error{ErrorCode::UnknownTopic,
                     fmt::format("{} {} was emptied or recreated", kind, step->source_name),
                     {},
                     "Run the query again: its earlier rows were deleted."};
      return was_dropped(*step);
    }
    return std::nullopt;
  }

  // Returns an error, which ends the query, if the user no longer exists or has lost the right to
  // read.
  std::optional<Error> lost_right() {
    const MetadataImagePtr now = session().parts().definitions.image();
    if (now->users == users_) return std::nullopt;
    users_ = now->users;
    if (Status there = session().check_asker(); !there) return std::move(there).error();
    for (const engine::PlanNode& node : planned_.plan.stages.front().nodes)
      if (const auto* step = std::get_if<engine::InputStep>(&node.step)) {
        engine::DataSource source;
        source.name = step->source_name;
        source.topic = step->topic;
        source.kind = step->kind;
        if (Status may = check_read(*users_, session().asker(), source); !may)
          return std::move(may).error();
      }
    return std::nullopt;
  }

  // Removes records without a value. In a stream such a record is not a row (as in WHERE, joins and
  // aggregates; only CREATE STREAM ... AS passes it on). In a table it is a delete, which is shown.
  static engine::Batch without_absent_rows(engine::Batch batch) {
    std::vector<uint32_t> present;
    for (uint32_t row = 0; row < batch.rows; ++row)
      if (batch.present.test(row)) present.push_back(row);
    return batch.gather(present);
  }

  void show(engine::Batch batch) {
    if (is_over_ || is_checking_) return;
    if ((lost_right_ = lost_right())) {
      is_over_ = true;
      return;
    }
    if (!planned_.plan.stages.front().output.is_table && !batch.present.all())
      batch = without_absent_rows(std::move(batch));
    for (const size_t column : planned_.op_columns)
      batch.columns[column] =
          engine::op_column(batch, planned_.plan.stages.front().output.is_table);
    const size_t rows = std::min<size_t>(batch.rows, static_cast<size_t>(rows_left_));
    if (rows > 0 && batch.present.all())
      receiver().on_rows(batch.columns, 0, rows);
    else if (rows > 0)
      receiver().on_changes(batch.columns, 0, rows, batch.present);
    rows_left_ -= static_cast<int64_t>(rows);
    if (!inputs_.empty())
      for (size_t row = 0; row < rows; ++row)
        shown_ends_[batch.partition_of(row)] = Offset(batch.offsets[row] + 1);
    if (rows_left_ > 0) return;
    // the query ends after this step, because a task must not be destroyed within its own step
    is_over_ = true;
    note_failure_before(batch.partition_of(rows - 1), batch.offsets[rows - 1]);
  }
  // Stores the first failure of a push query that belongs to a record before the LIMIT was reached. Records after
  // the last row of the answer may have been read in the same step; their failures do not count.
  void note_failure_before(int32_t last_partition, int64_t last_offset) {
    failed_in_limit_ = task_->task->metrics().first_failed_value;
    if (failed_in_limit_ && failed_in_limit_->partition == last_partition &&
        failed_in_limit_->offset > last_offset)
      failed_in_limit_.reset();
  }

  // Whether a value that cannot be computed is an error, as in PostgreSQL (ADR 68).
  bool is_strict() const {
    return end_ == TransientEnd::AtPresentEnd && !session().parts().settings.engine.ksqldb_compat;
  }

  // A step computes each expression for all records that it reads, so a failure may belong to a
  // record after the LIMIT. Therefore each partition is read once more, up to its last row in the
  // answer. A failure in these records is an error; other failures are not. So the result does not
  // depend on which records were read together.
  Status check_shown_rows() {
    std::erase_if(inputs_, [this](engine::Task::Input& input) {
      const auto end = shown_ends_.find(input.partition.partition.value());
      if (end == shown_ends_.end()) return true;
      input.limit.stop_at = end->second;
      return false;
    });
    session().shard().remove(*std::exchange(task_, nullptr));
    is_checking_ = true;
    return add_task(std::exchange(inputs_, {}));
  }

  void stepped(engine::StepResult result) {
    has_caught_up_ = result == engine::StepResult::Idle;
    if (lost_right_) {
      end();
      return receiver().on_error(*lost_right_);
    }
    if (result == engine::StepResult::Failed) {
      Error error = task_->task->failure()->error;
      if (error.code == ErrorCode::UnknownTopic) error = gone_source().value_or(std::move(error));
      end();
      return receiver().on_error(error);
    }
    const bool is_limited = is_over_ && !inputs_.empty();
    if (is_limited && task_->task->metrics().values_failed > 0) {
      if (Status checking = check_shown_rows(); !checking) fail(std::move(checking).error());
      return;
    }
    if (auto failed = error_of_value()) {
      end();
      return receiver().on_error(*std::move(failed));
    }
    if (is_checking_ && result != engine::StepResult::Finished) return;
    if (!is_over_ && result != engine::StepResult::Finished) {
      // If the client has no room, the task pauses until resume(): otherwise several steps could
      // run before the session handles their output.
      task_->is_paused = is_paused() || !receiver().has_room(0);
      report_problems(false);
      watch_schemas();
      return charge_state();
    }
    report_problems(true);
    end();
    receiver().on_done({"SELECT"});
  }

  // If the registry does not return the schema of a record, all records after it have to wait. An
  // answer that ends by itself could wait for ever, so it fails after read.wait.ms.
  void watch_schemas() {
    if (end_ != TransientEnd::AtPresentEnd) return;
    if (task_->task->waits_for().empty()) return patience_.reset();
    if (patience_) return;
    patience_.emplace(session().shard().loop(), "schemas of a SELECT", [this] { give_up(); });
    patience_->start_once(session().read_wait_ms());
  }
  void give_up() {
    Error error{
        ErrorCode::ObjectState,
        fmt::format("{} cannot be read yet: {}", engine::join_words(planned_.plan.sources, "and"),
                    task_->task->waits_for()),
        {},
        "Repeat the statement when the schema registry answers."};
    end();
    receiver().on_error(std::move(error));
  }

  // Returns the first value that could not be computed; nullptr if all could.
  const engine::TaskMetrics::FailedValue* failed_value() const {
    const bool is_at_limit = rows_left_ == 0 && !is_checking_;
    const auto& failed = is_at_limit ? failed_in_limit_ : task_->task->metrics().first_failed_value;
    return failed ? &*failed : nullptr;
  }
  // Returns the error of a SELECT that ends.
  std::optional<Error> error_of_value() const {
    const auto* failed = failed_value();
    if (!is_strict() || !failed) return std::nullopt;
    Error error = failed->error;
    if (error.detail.empty())
      error.detail = fmt::format("The record is at offset {} of partition {}.", failed->offset,
                                 failed->partition);
    return error;
  }

  void report_problems(bool is_end) {
    const engine::TaskMetrics& metrics = task_->task->metrics();
    report(metrics.records_unreadable, "record", "could not be read", metrics.first_unreadable,
           is_end, next_unreadable_);
    if (const auto* failed = failed_value())
      report(metrics.values_failed, "value", "could not be computed",
             fmt::format("partition {}, offset {}: {}", failed->partition, failed->offset,
                         failed->error.message),
             is_end, next_failed_);
  }

  // An answer that ends reports the problems of one kind once, with their number. A query that continues reports the
  // first one, and then each power of ten, so that a client that reads for days is not flooded.
  void report(uint64_t count, std::string_view what, std::string_view problem,
              std::string_view first, bool is_end, uint64_t& next) {
    const bool ends_by_itself = end_ == TransientEnd::AtPresentEnd;
    if (count == 0 || (ends_by_itself ? !is_end : count < next)) return;
    while (next <= count) next *= 10;
    receiver().on_notice(
        {sql::NoticeLevel::Warning,
         fmt::format("{} {}{} {}{} (first: {})", count, what, count == 1 ? "" : "s", problem,
                     ends_by_itself ? "" : " so far", first)});
  }

  // A query with LIMIT that reads new records only never gets the rows that a stream holds already. A notice explains
  // this, since the client waits without any output.
  void explain_waiting(const std::vector<engine::Task::Input>& inputs) {
    if (end_ == TransientEnd::AtPresentEnd || !planned_.limit) return;
    int64_t skipped = 0;
    for (const engine::Task::Input& input : inputs) {
      const auto status =
          session().parts().log.find_partition({input.partition.topic, input.partition.partition});
      if (status) skipped += std::max<int64_t>(0, input.next.value() - status->log_start().value());
    }
    if (skipped == 0) return;
    receiver().on_notice(
        {sql::NoticeLevel::Notice,
         fmt::format("the query waits for new records, and skips {} record{} of {}", skipped,
                     skipped == 1 ? "" : "s", engine::join_words(planned_.plan.sources, "and")),
         "\"auto.offset.reset\" is \"latest\".",
         "To begin with the first record, run SET 'auto.offset.reset' = 'earliest' and repeat the "
         "query."});
  }

  // Charges the tables and groups that the query keeps for this client, and the rows that it has
  // read but not shown yet. If memory runs out, the query ends, in contrast to the query of a
  // CREATE ... AS.
  void charge_state() {
    size_t of_tables = 0;
    for (const engine::Store* store : task_->task->stage().stores())
      of_tables += store->memory_bytes();
    const size_t waiting = task_->task->waiting_bytes();
    if (state_charge_.try_resize(of_tables + waiting)) return;
    end();
    const bool is_of_tables = of_tables > waiting;
    Error refusal = state_charge_.refusal(fmt::format("the {} of a query, {}",
                                                      is_of_tables ? "tables" : "unread records",
                                                      format_bytes(of_tables + waiting)));
    refusal.hint =
        is_of_tables
            ? "EMIT CHANGES keeps the rows of its tables in memory while it runs. Raise "
              "memory-limit, use CREATE ... AS SELECT instead, or consume the topic of the table."
            : "A query whose client does not read its rows keeps some of its records. Read the "
              "rows, or raise memory-limit.";
    receiver().on_error(std::move(refusal));
  }

  void end() {
    is_over_ = true;
    if (source_check_) source_check_->stop();
    if (ShardTask* task = std::exchange(task_, nullptr)) session().shard().remove(*task);
    (void)state_charge_.try_resize(0);
  }

  const engine::PlannedQuery planned_;
  const MetadataImagePtr image_;
  const TransientEnd end_;
  std::shared_ptr<const storage::Users> users_ = image_->users;  // the users at the last check
  std::optional<Error> lost_right_;
  std::optional<CatchingUp> catching_up_;
  // The ends that the leaders have reported; empty if no leader was asked.
  std::map<storage::TopicPartition, Offset> leaders_ends_;
  std::optional<Timer> patience_;      // set while a schema is awaited
  std::optional<Timer> source_check_;  // set for a query without an end
  MetadataImagePtr checked_image_ = image_;
  int64_t rows_left_;
  // Numbers of unreadable records and of failed values at which the next warning is sent.
  uint64_t next_unreadable_ = 1, next_failed_ = 1;
  std::optional<engine::TaskMetrics::FailedValue>
      failed_in_limit_;  // first failure at or before the last row; used when the LIMIT is reached
  // Set for an answer with LIMIT that ends by itself: the inputs as they were at its beginning, and for each
  // partition the offset after the last row of the answer.
  std::vector<engine::Task::Input> inputs_;
  std::map<int32_t, Offset> shown_ends_;
  bool is_checking_ = false;  // task_ reads the records of the answer again
  bool is_beginning_ = false, is_over_ = false, has_caught_up_ = false;
  ShardTask* task_ = nullptr;
  // The state is not charged to the session's account, which is for rows on their way to the
  // client.
  OwnedCharge state_charge_{session().parts().memory, MemoryKind::Queries};
};

}  // namespace

Result<std::unique_ptr<sql::Execution>> run_transient(SqlSession& session, sql::Receiver& receiver,
                                                      engine::PlannedQuery planned,
                                                      MetadataImagePtr image, TransientEnd end) {
  if (planned.limit && *planned.limit == 0) return run_rows(session, receiver, {}, 0);
  auto run = std::make_unique<TransientExecution>(session, receiver, std::move(planned),
                                                  std::move(image), end);
  TRY(run->begin());
  return std::unique_ptr<sql::Execution>(std::move(run));
}

}  // namespace server
