#include "server/tasks/query_supervisor.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "storage/log/batch_cursor.h"
#include "storage/log/log_core.h"
#include "storage/log/task_journal.h"
#include "tests/server/tasks/running_queries.h"

namespace server {
namespace {

class SupervisorTest : public testing::Test {
 protected:
  void start() { node_ = std::make_unique<RunningQueries>(disks_); }
  void SetUp() override {
    start();
    ASSERT_TRUE(node_->define("CREATE STREAM s (v INT) WITH (PARTITIONS = 2);"));
    ASSERT_TRUE(node_->define("CREATE TABLE t AS SELECT v, COUNT(*) AS n FROM s GROUP BY v;"));
  }
  std::optional<Error> trouble() const { return node_->supervisor->trouble_of("CTAS_T_0"); }
  size_t task_count() const { return node_->reports().size(); }

  Disks disks_;
  std::unique_ptr<RunningQueries> node_;
};

TEST_F(SupervisorTest, a_query_has_a_task_for_each_stage_and_partition) {
  EXPECT_EQ(task_count(), 4u);
  EXPECT_EQ(trouble(), std::nullopt);
}

// After each change of a query, readers wait for its backlog again. Before the first query, they examine nothing.
TEST_F(SupervisorTest, each_change_of_a_query_is_counted) {
  const auto since = [&] { return node_->supervisor->health_of("CTAS_T_0").since; };
  const uint64_t made = since();
  EXPECT_GT(made, 0u);
  EXPECT_EQ(node_->supervisor->changes(), made);
  node_->insert(node_->partition("s"), R"({"V":1})");
  EXPECT_TRUE(node_->eventually([&] { return node_->records_in("CTAS_T_0") == 2; }));
  EXPECT_EQ(node_->supervisor->changes(), made);
  ASSERT_TRUE(node_->define("PAUSE CTAS_T_0;"));
  const uint64_t paused = since();
  EXPECT_GT(paused, made);
  ASSERT_TRUE(node_->define("CREATE STREAM other AS SELECT v FROM s;"));
  EXPECT_GT(node_->supervisor->changes(), paused);
  EXPECT_EQ(since(), paused) << "a change of another query";
  ASSERT_TRUE(node_->define("RESUME CTAS_T_0;"));
  EXPECT_GT(since(), paused);
}

TEST_F(SupervisorTest, a_query_goes_on_where_it_was_after_a_restart) {
  node_->insert(node_->partition("s", 1), R"({"V":1})");
  EXPECT_TRUE(node_->eventually([&] { return node_->records_in("CTAS_T_0") == 2; }));
  node_.reset();
  start();
  EXPECT_EQ(task_count(), 4u);
  EXPECT_EQ(node_->records_in("CTAS_T_0"), 2u) << "counts are part of what is durable";
  EXPECT_EQ(node_->tasks->recovered().tasks, 4u);
}

// If the inputs of a query get more partitions, the query gets tasks for them. The command GrowTopic of the metadata
// sets the number of partitions.
TEST_F(SupervisorTest, a_topic_that_grows_gives_its_queries_more_tasks) {
  ASSERT_TRUE(node_->change(GrowTopic{"s", 5}));
  EXPECT_EQ(task_count(), 5u + 2u);  // the exchange keeps its number of partitions
  node_->insert(node_->partition("s", 4), R"({"V":1})");
  EXPECT_TRUE(node_->eventually([&] { return node_->records_in("CTAS_T_0") == 2; }));
}

// If only one input of a join gets more partitions, the results would be wrong. The query must stop immediately,
// because the next restart would stop it in any case.
TEST_F(SupervisorTest, a_join_whose_inputs_come_apart_stops_at_once) {
  ASSERT_TRUE(node_->define("CREATE STREAM l (k INT KEY, v INT) WITH (PARTITIONS = 2);"));
  ASSERT_TRUE(node_->define("CREATE TABLE r (k INT PRIMARY KEY, w INT) WITH (PARTITIONS = 2);"));
  ASSERT_TRUE(node_->define("CREATE STREAM j AS SELECT l.k, v, w FROM l JOIN r ON l.k = r.k;"));
  const auto joins = [&] {
    return std::ranges::count_if(node_->reports(), [](const ShardTaskReport& report) {
      return report.query_id.starts_with("CSAS_J_");
    });
  };
  EXPECT_EQ(joins(), 2);
  ASSERT_TRUE(node_->change(GrowTopic{"l", 3}));
  EXPECT_EQ(joins(), 0);
  EXPECT_EQ(node_->supervisor->troubles().size(), 1u);
  EXPECT_EQ(node_->supervisor->troubles().begin()->second.code, ErrorCode::ObjectState);
}

TEST_F(SupervisorTest, a_query_that_has_lost_its_topic_stops_with_a_hint) {
  ASSERT_TRUE(node_->change(DeleteTopic{"s"}));
  ASSERT_TRUE(trouble());
  EXPECT_EQ(trouble()->code, ErrorCode::UnknownTopic);
  EXPECT_NE(trouble()->hint.find("DROP TABLE T, "), std::string::npos) << trouble()->hint;
  const Status resumed = node_->define("RESUME CTAS_T_0;");
  ASSERT_FALSE(resumed) << "it cannot go on";
  EXPECT_EQ(resumed.error().hint, trouble()->hint);
  EXPECT_EQ(task_count(), 0u);
  EXPECT_EQ(node_->supervisor->troubles().size(), 1u);
  // After a restart, the query does not run either, and does not prevent other queries from running.
  node_.reset();
  start();
  ASSERT_TRUE(trouble());
  EXPECT_EQ(trouble()->code, ErrorCode::UnknownTopic);
  EXPECT_NE(trouble()->hint.find("DROP TABLE T, "), std::string::npos) << trouble()->hint;
  ASSERT_TRUE(node_->define("CREATE STREAM other (v INT) WITH (PARTITIONS = 1);"));
  ASSERT_TRUE(node_->define("CREATE STREAM q AS SELECT v FROM other;"));
  EXPECT_EQ(task_count(), 1u);
}

TEST_F(SupervisorTest, nothing_of_a_dropped_query_is_left) {
  node_->insert(node_->partition("s"), R"({"V":1})");
  EXPECT_TRUE(node_->eventually([&] { return node_->records_in("CTAS_T_0") == 2; }));
  EXPECT_FALSE(node_->log->tasks().value().empty());
  ASSERT_TRUE(node_->define("DROP TABLE t DELETE TOPIC;"));
  EXPECT_EQ(task_count(), 0u);
  EXPECT_TRUE(node_->eventually([&] { return node_->log->tasks().value().empty(); }));
  EXPECT_TRUE(node_->eventually([&] { return node_->state->task_ids().value().empty(); }));
  EXPECT_TRUE(node_->eventually([&] { return node_->log->topics().size() == 1; })) << "that of s";
}

// The state writer may be busy with the checkpoints of thousands of queries.
TEST_F(SupervisorTest, statements_do_not_wait_for_the_state_writer) {
  std::promise<void> begun, may_go_on;
  storage::Checkpoint slow{.task = "other/0/0",
                           .removed_ranges = {},
                           .entries = {},
                           .keeps = {},
                           .position = TaskSequence{1},
                           .scalars = {},
                           .journal_end = {}};
  std::function<void(Status)> hold = [&](const Status&) {
    begun.set_value();
    may_go_on.get_future().wait();
  };
  ASSERT_TRUE(node_->state->try_checkpoint(slow, hold));
  begun.get_future().wait();
  EXPECT_TRUE(node_->define("DROP TABLE t;"));
  EXPECT_TRUE(node_->define("CREATE TABLE u AS SELECT v, COUNT(*) AS n FROM s GROUP BY v;"));
  EXPECT_TRUE(node_->change(DeleteTopic{"u"}));
  EXPECT_TRUE(node_->define("DROP TABLE u;"));
  may_go_on.set_value();
}

// The user chooses the id, so data of an earlier query with this id may not have been removed yet.
TEST_F(SupervisorTest, a_query_with_the_id_of_a_dropped_one_starts_over) {
  ASSERT_TRUE(node_->define("CREATE STREAM out (v INT) WITH (PARTITIONS = 1);"));
  const std::string insert = "INSERT INTO out WITH (QUERY_ID = 'mine') SELECT v FROM s;";
  node_->insert(node_->partition("s"), R"({"V":1})");
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(node_->define(insert)) << i;
    const std::string id = node_->definitions->image()->find_query("MINE") ? "MINE" : "mine";
    EXPECT_TRUE(node_->eventually([&] { return node_->records_in(id) >= 1; })) << i;
    ASSERT_TRUE(node_->define("TERMINATE " + std::string(id == "MINE" ? "mine" : "`mine`") + ";"));
  }
}

TEST_F(SupervisorTest, names_are_bounded_to_leave_room_for_task_names) {
  const std::string longest(249, 'n');
  const Status created = node_->define("CREATE STREAM " + longest + " AS SELECT v FROM s;");
  ASSERT_TRUE(created) << created.error().message;
  EXPECT_EQ(node_->supervisor->troubles().size(), 0u);
  ASSERT_TRUE(node_->define("CREATE STREAM out (v INT) WITH (PARTITIONS = 1);"));
  const auto insert = [&](const std::string& id) {
    return node_->define("INSERT INTO out WITH (QUERY_ID = '" + id + "') SELECT v FROM s;");
  };
  const Status inserted = insert(longest);
  EXPECT_TRUE(inserted) << inserted.error().message;
  EXPECT_EQ(insert(longest + "x").error().code, ErrorCode::LimitExceeded);
  const Status refused =
      node_->define("CREATE STREAM x" + longest + " WITH (kafka_topic = 'x') AS SELECT v FROM s;");
  EXPECT_EQ(refused.error().code, ErrorCode::LimitExceeded);
}

// The query is from a version that did not limit the length of names.
TEST_F(SupervisorTest, a_query_whose_id_is_too_long_prevents_no_other) {
  const DefinedQueryPtr query = node_->definitions->image()->find_query("CTAS_T_0");
  auto long_plan = std::make_shared<engine::QueryPlan>(*query->plan);
  long_plan->id = std::string(500, 'q');
  const auto long_query = std::make_shared<DefinedQuery>(*query);
  long_query->plan = long_plan;
  node_->supervisor->start({long_query, query});
  EXPECT_EQ(trouble(), std::nullopt);
  EXPECT_EQ(task_count(), 4u);
  const auto found = node_->supervisor->trouble_of(long_plan->id);
  ASSERT_TRUE(found);
  EXPECT_NE(found->message.find("is too long"), std::string::npos) << found->message;
  node_->supervisor->stop(*long_query, QueryRunner::Keep::Nothing);
  EXPECT_EQ(node_->supervisor->trouble_of(long_plan->id), std::nullopt);
}

// The id of a terminated query can be used again after its state is removed. Otherwise a crash could leave the states
// of two queries under one id.
TEST_F(SupervisorTest, an_id_is_free_again_once_nothing_is_left_under_it) {
  ASSERT_TRUE(node_->define("CREATE STREAM out (v INT) WITH (PARTITIONS = 1);"));
  const std::string insert = "INSERT INTO out WITH (QUERY_ID = 'MINE') SELECT v FROM s;";
  ASSERT_TRUE(node_->define(insert));
  for (const char* task : {"CTAS_T_0/0/0", "MINE/0/0"}) {
    storage::Checkpoint kept{.task = task,
                             .removed_ranges = {},
                             .entries = {},
                             .keeps = {},
                             .position = TaskSequence{1},
                             .scalars = {}};
    std::promise<Status> written;
    std::function<void(Status)> done = [&](Status status) { written.set_value(std::move(status)); };
    ASSERT_TRUE(node_->state->try_checkpoint(kept, done));
    ASSERT_TRUE(written.get_future().get());
  }

  disks_.state.set_capacity(1);
  ASSERT_TRUE(node_->define("TERMINATE mine;"));
  const Revision before = node_->metadata->last_revision();
  EXPECT_EQ(node_->define(insert).error().code, ErrorCode::DiskFull);
  EXPECT_EQ(node_->metadata->last_revision(), before);
  EXPECT_EQ(node_->definitions->image()->find_query("MINE"), nullptr);
  disks_.state.set_capacity(SIZE_MAX);
  EXPECT_TRUE(node_->define(insert));
  EXPECT_EQ(node_->state->task_ids().value().size(), 1u);
}

// Unread records in the log are part of the lag, even if no task reads them.
TEST_F(SupervisorTest, a_paused_query_reports_its_lag) {
  const auto lag = [&] {
    int64_t sum = 0;
    for (const ShardTaskReport& report : node_->reports())
      sum += report.lag_records.value_or(-1000);
    return sum;
  };
  EXPECT_EQ(lag(), 0);
  ASSERT_TRUE(node_->define("PAUSE CTAS_T_0;"));
  for (int i = 0; i < 3; ++i) node_->insert(node_->partition("s"), R"({"V":1})");
  EXPECT_EQ(lag(), 3);
  node_.reset();
  start();
  EXPECT_EQ(lag(), 3) << "no task has run";
  ASSERT_TRUE(node_->define("RESUME CTAS_T_0;"));
  EXPECT_TRUE(node_->eventually([&] { return lag() == 0; }));
}

TEST_F(SupervisorTest, undefined_leftovers_are_removed_at_the_start) {
  ASSERT_TRUE(storage::create_partitions_and_wait(*node_->log, Uuid::random(), 3));
  ASSERT_TRUE(storage::begin_task_and_wait(*node_->log, "GONE_7/0/0"));
  const size_t topics = node_->log->topics().size();
  node_.reset();
  start();
  EXPECT_TRUE(node_->eventually([&] { return node_->log->topics().size() == topics - 1; }));
  EXPECT_TRUE(node_->eventually([&] {
    return std::ranges::all_of(node_->log->tasks().value(),
                               [](const auto& task) { return task.id.starts_with("CTAS_T_0/"); });
  }));
}

TEST_F(SupervisorTest, a_fenced_task_is_built_again) {
  // another owner of the task begins
  ASSERT_TRUE(storage::begin_task_and_wait(*node_->log, "CTAS_T_0/0/0"));
  node_->insert(node_->partition("s", 0), R"({"V":1})");
  EXPECT_TRUE(node_->eventually([&] { return node_->records_in("CTAS_T_0") == 2; }));
  EXPECT_GT(node_->failures, 0);
  EXPECT_TRUE(node_->eventually([&] { return !trouble(); })) << "it runs again";
  EXPECT_EQ(task_count(), 4u);
}

// To restart a task, the server reads the journal, which may take a minute if the last checkpoint is old. Statements
// must not wait for this, and the query starts in the end.
TEST_F(SupervisorTest, statements_do_not_wait_for_a_restart_that_restores_much) {
  node_ = std::make_unique<RunningQueries>(disks_, 2, CheckpointPolicy{.interval_ms = 1});
  ASSERT_TRUE(node_->define("DROP TABLE t;"));
  ASSERT_TRUE(
      node_->define("CREATE TABLE t AS SELECT v, COUNT(*) AS n FROM s WINDOW TUMBLING (SIZE 1 DAY) "
                    "GROUP BY v;"));
  const size_t tasks = task_count();
  const std::string query = node_->reports().front().query_id;
  for (int partition = 0; partition < 2; ++partition)
    node_->insert(node_->partition("s", partition), R"({"V":1})");
  const auto is_stored = [&] {
    size_t entries = 0;
    for (const char* task : {"/1/0", "/1/1"})
      EXPECT_TRUE(node_->state->load_all(query + task, [&](auto...) -> Status {
        ++entries;
        return {};
      }));
    return entries > 0;
  };
  EXPECT_TRUE(node_->eventually(is_stored));
  node_->state->is_slow = true;
  // another owner of the task begins
  ASSERT_TRUE(storage::begin_task_and_wait(*node_->log, query + "/0/0"));
  node_->insert(node_->partition("s", 0), R"({"V":1})");
  EXPECT_TRUE(node_->eventually([&] { return node_->state->slow_visits > 0; }));
  ASSERT_TRUE(node_->define("CREATE STREAM other (v INT) WITH (PARTITIONS = 1);"));
  ASSERT_TRUE(node_->define("PAUSE " + query + ";"));
  ASSERT_TRUE(node_->define("RESUME " + query + ";"));
  EXPECT_TRUE(node_->supervisor->trouble_of(query)) << "it does not run";
  node_->state->is_slow = false;
  EXPECT_TRUE(node_->eventually(
      [&] { return !node_->supervisor->trouble_of(query) && task_count() == tasks; }));
  EXPECT_TRUE(node_->eventually([&] { return node_->records_in(query) >= 3; }));
}

// Queries of one partition each whose tasks commit into different journal partitions.
class DamageTest : public testing::Test {
 protected:
  void start() {
    node_ = std::make_unique<RunningQueries>(
        disks_, 2, CheckpointPolicy{.interval_ms = 1, .journal_bytes = 1});
  }
  void SetUp() override {
    start();
    ASSERT_TRUE(node_->define("CREATE STREAM s (v INT) WITH (PARTITIONS = 1);"));
    for (const char* name : {"a", "b"}) ASSERT_TRUE(create(name));
    ASSERT_NE(storage::journal_of(kA), storage::journal_of(kB));
  }
  Status create(const std::string& name) {
    return node_->define("CREATE STREAM " + name + " AS SELECT v FROM s;");
  }
  // `queries` are the queries that will process the record.
  void insert(const std::string& value, const std::vector<std::string>& queries) {
    std::map<std::string, uint64_t> before;
    for (const std::string& query : queries) before[query] = node_->records_in(query);
    node_->insert(node_->partition("s"), value);
    for (const auto& [query, records] : before)
      EXPECT_TRUE(node_->eventually([&] { return node_->records_in(query) > records; })) << query;
  }
  std::string trouble_of(const std::string& query) const {
    const auto trouble = node_->supervisor->trouble_of(query);
    return trouble ? fmt::format("{}. {}", trouble->message, trouble->hint) : "";
  }
  bool has_tasks(const std::string& query) const {
    return std::ranges::any_of(
        node_->reports(), [&](const ShardTaskReport& report) { return report.query_id == query; });
  }
  // Changes the files of a server that does not run.
  static void change(
      storage::MemoryDisk& disk, const std::string& table,
      const std::function<Status(storage::WriteTransaction&, storage::TableHandle)>& change) {
    const auto store = disk.open();
    const auto write = store->begin_write().value();
    ASSERT_TRUE(change(*write, write->open_table(table, storage::KeyOrder::Bytes).value()));
    ASSERT_TRUE(write->commit());
  }
  void expect_that_only_a_is_lost(const std::string& reason) {
    EXPECT_TRUE(node_->eventually([&] { return !has_tasks("CSAS_A_0"); }))
        << "nobody reads from it";
    EXPECT_TRUE(node_->eventually([&] { return !trouble_of("CSAS_A_0").empty(); }));
    const std::string told = trouble_of("CSAS_A_0");
    EXPECT_EQ(node_->supervisor->trouble_of("CSAS_A_0")->code, ErrorCode::DataCorrupted);
    for (const char* part : {reason.c_str(), "millrace check --data-dir",
                             "DROP STREAM A, and create it again", "backup"})
      EXPECT_NE(told.find(part), std::string::npos) << told;
    EXPECT_EQ(told.find("automatically"), std::string::npos) << told;
    insert(R"({"V":2})", {"CSAS_B_1"});
    EXPECT_EQ(trouble_of("CSAS_B_1"), "");
  }
  void expect_that_a_can_be_made_anew() {
    ASSERT_TRUE(node_->define("DROP STREAM a;"));
    ASSERT_TRUE(create("a2"));
    EXPECT_TRUE(node_->eventually([&] { return node_->records_in("CSAS_A2_2") > 0; }));
    EXPECT_EQ(trouble_of("CSAS_A2_2"), "");
    EXPECT_TRUE(node_->eventually([&] { return journal_length(kA) == 0; }))
        << "it is trimmed again";
  }
  int64_t journal_length(const char* task) const {
    const auto journal =
        node_->log->find_partition(storage::journal_partition(storage::journal_of(task)));
    return journal->log_end() - journal->log_start();
  }

  static constexpr const char *kA = "CSAS_A_0/0/0", *kB = "CSAS_B_1/0/0";
  Disks disks_;
  std::unique_ptr<RunningQueries> node_;
};

TEST_F(DamageTest, damage_found_by_a_checkpoint_in_a_journal_ends_its_queries_alone) {
  node_->state->is_full = true;
  insert(R"({"V":1})", {"CSAS_A_0", "CSAS_B_1"});
  EXPECT_TRUE(node_->eventually([&] { return journal_length(kA) > 0; }));
  const auto journal =
      node_->log->core().find_partition(storage::journal_partition(storage::journal_of(kA)));
  std::promise<Status> done;
  node_->log->submit(
      [&](storage::WriteTransaction& write) -> Status {
        const storage::BatchKey key(*journal, journal->log_end() - 1);
        std::string batch(*TRY(write.get(journal->table(), key)));
        batch.back() ^= 1;
        return write.put(journal->table(), key, batch);
      },
      [&](Status status) { done.set_value(std::move(status)); });
  ASSERT_TRUE(done.get_future().get());
  EXPECT_TRUE(has_tasks("CSAS_A_0"));
  node_->state->is_full = false;
  const std::string reason =
      fmt::format("journal partition {} is damaged at offset", storage::journal_of(kA).value());
  expect_that_only_a_is_lost(reason);
  node_.reset();
  start();
  expect_that_only_a_is_lost(reason);
  expect_that_a_can_be_made_anew();
}

TEST_F(DamageTest, damage_of_a_tasks_row_ends_its_query_alone) {
  insert(R"({"V":1})", {"CSAS_A_0", "CSAS_B_1"});
  node_.reset();
  change(disks_.log, "tasks",
         [](auto& write, auto table) { return write.put(table, kA, "short"); });
  start();
  expect_that_only_a_is_lost("the data file has a damaged row of task CSAS_A_0/0/0");
  expect_that_a_can_be_made_anew();
}

TEST_F(DamageTest, damage_of_a_tasks_position_ends_its_query_alone) {
  insert(R"({"V":1})", {"CSAS_A_0", "CSAS_B_1"});
  EXPECT_TRUE(node_->eventually([&] { return journal_length(kA) == 0; }));
  node_.reset();
  change(disks_.state, "positions",
         [](auto& write, auto table) { return write.put(table, kA, "short"); });
  start();
  expect_that_only_a_is_lost("the state file has a damaged position of CSAS_A_0/0/0");
  expect_that_a_can_be_made_anew();
}

// The number of errors includes the last error.
TEST_F(DamageTest, the_last_error_of_a_query_survives_a_restart_as_its_count_does) {
  const auto told = [&] {
    for (const ShardTaskReport& report : node_->reports())
      if (report.query_id == "CSAS_A_0")
        return fmt::format("{} errors, the last: {}", report.metrics.records_failed,
                           report.metrics.last_error);
    return std::string();
  };
  for (const bool is_in_checkpoint : {false, true}) {
    node_->state->is_full = !is_in_checkpoint;
    const auto is_where_it_should_be = [&] {
      return is_in_checkpoint == (journal_length(kA) == 0);
    };
    node_->insert(node_->partition("s"), "no JSON");
    const std::string expected = is_in_checkpoint ? "2 errors, the last: " : "1 errors, the last: ";
    EXPECT_TRUE(node_->eventually([&] { return told().starts_with(expected); })) << told();
    const std::string before = told();
    EXPECT_NE(before.find("(partition 0, offset "), std::string::npos) << before;
    EXPECT_TRUE(node_->eventually(is_where_it_should_be));
    node_.reset();
    start();
    EXPECT_EQ(told(), before);
  }
}

// The shards are about to stop, so a caller that waits for them would never continue.
TEST_F(SupervisorTest, after_its_stop_nothing_is_asked_of_the_shards) {
  const MetadataImagePtr image = node_->definitions->image();
  const DefinedQueryPtr query = image->find_query("CTAS_T_0");
  node_->definitions->stop_thread();
  node_->supervisor->stop_thread();
  for (const auto& shard : node_->shards) shard->stop_thread();
  node_->supervisor->start({query});
  node_->supervisor->pause("CTAS_T_0", true);
  node_->supervisor->stop(*query, QueryRunner::Keep::State);
  node_->supervisor->stop_with_error(*query, {ErrorCode::UnknownTopic, "gone"});
  EXPECT_EQ(trouble(), std::nullopt);
}

}  // namespace
}  // namespace server
