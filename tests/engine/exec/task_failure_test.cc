#include "engine/testing/memory_checkpoints.h"
#include "tests/engine/exec/query_test.h"

namespace engine {
namespace {

const std::string kOrders = "CREATE STREAM orders (id VARCHAR KEY, amount DECIMAL(3, 1));";
const std::string kTotals =
    "CREATE TABLE totals AS SELECT id, SUM(amount) AS total FROM orders GROUP BY id;";
const Error kRefused{ErrorCode::StorageFailure, "the disk is gone"};

TestRecord order(const std::string& id, const std::string& amount, int64_t timestamp) {
  return {id, "{\"AMOUNT\":" + amount + "}", timestamp};
}

using TaskFailure = QueryTest;

TEST_F(TaskFailure, a_refused_commit_stops_the_task_permanently) {
  auto run = query({kOrders}, kTotals, exact(1));
  run->produce("orders", 0, {order("a", "1", 1), order("a", "2", 2), order("a", "3", 3)});
  run->task().step();
  run->task().step();
  ASSERT_EQ(run->log().on_their_way(), 2u);
  ASSERT_TRUE(run->log().answer_one());
  std::string told;
  run->task().when_durable([&](Status status) { told = status ? "fine" : status.error().message; });
  run->log().refuse_all(kRefused);
  EXPECT_EQ(told, "the disk is gone");
  EXPECT_EQ(run->task().step(), StepResult::Failed);
  EXPECT_EQ(run->log().on_their_way(), 0u);
  run->task().when_durable([&](Status status) { told = status ? "fine" : "failed too"; });
  EXPECT_EQ(told, "failed too");

  run->start();
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(run->written(),
            "a {\"TOTAL\":1.0} @1\n"
            "a {\"TOTAL\":3.0} @2\n"
            "a {\"TOTAL\":6.0} @3\n");
}

TEST_F(TaskFailure, a_full_log_is_waited_for) {
  auto run = query({kOrders}, kTotals, exact(1));
  run->produce("orders", 0, {order("a", "1", 1), order("a", "2", 2)});
  run->log().set_full(true);
  EXPECT_EQ(run->task().step(), StepResult::Idle);
  EXPECT_EQ(run->task().step(), StepResult::Idle);
  EXPECT_EQ(run->log().on_their_way(), 0u);
  bool is_durable = false;
  run->task().when_durable([&](Status status) { is_durable = status.has_value(); });
  run->log().set_full(false);
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_TRUE(is_durable);
  EXPECT_EQ(run->written(),
            "a {\"TOTAL\":1.0} @1\n"
            "a {\"TOTAL\":3.0} @2\n");
}

// Many queries may read the same bad records, so all queries share one rate limit for their log
// lines.
TEST_F(TaskFailure, the_servers_log_is_not_flooded_by_many_tasks) {
  // later than all times at which other tests have logged
  constexpr int64_t kHourUs = 3'600'000'000;
  testing::internal::CaptureStderr();
  std::vector<std::unique_ptr<QueryRun>> runs;
  for (int i = 0; i < 5; ++i) {
    runs.push_back(query({kOrders}, kTotals));
    runs.back()->clock().advance_us(kHourUs);
    for (int64_t at = 0; at < 50; ++at)
      runs.back()->produce("orders", 0, {order("a", "\"nonsense\"", at)});
    ASSERT_TRUE(runs.back()->run_to_rest());
  }
  const std::string flood = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::ranges::count(flood, '\n'), 10) << flood;

  testing::internal::CaptureStderr();
  runs.back()->clock().advance_us(1'000'000);
  runs.back()->produce("orders", 0, {order("a", "\"nonsense\"", 50)});
  ASSERT_TRUE(runs.back()->run_to_rest());
  EXPECT_NE(testing::internal::GetCapturedStderr().find(" not_shown=240\n"), std::string::npos);
  EXPECT_EQ(runs.back()->task().metrics().records_failed, 51u);
}

// The lines of the processing log are in the same commits as the results of their micro-batches, so
// a restart of the task neither loses nor repeats a line.
TEST_F(TaskFailure, unreadable_records_are_in_the_processing_log_once) {
  TaskOptions options = exact(1);
  options.processing_log = PartitionRef{Uuid{{9}}, PartitionId(0)};
  auto run = query({kOrders}, kTotals, options);
  run->produce("orders", 0, {order("a", "1", 1), order("a", "x", 2), order("b", "\"?\"", 3)});
  run->task().step();
  run->task().step();
  ASSERT_TRUE(run->log().answer_one());
  run->log().refuse_all(kRefused);
  run->start();
  ASSERT_TRUE(run->run_to_rest());
  const auto lines = lines_of(run->log().topics(), *options.processing_log);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_NE(
      lines[0].find("\"SOURCE_TOPIC\":\"orders\",\"SOURCE_PARTITION\":0,\"SOURCE_OFFSET\":1}"),
      std::string::npos)
      << lines[0];
  EXPECT_NE(lines[1].find("\"SOURCE_OFFSET\":2}"), std::string::npos) << lines[1];
}

// Lets the query read all records. Returns the lines of its processing log.
std::vector<std::string> told_by(QueryRun& run) {
  EXPECT_TRUE(run.run_to_rest());
  return lines_of(run.log().topics(), *run.options().processing_log);
}

TaskOptions with_processing_log() {
  TaskOptions options = exact();
  options.processing_log = PartitionRef{Uuid{{9}}, PartitionId(0)};
  return options;
}

TEST_F(TaskFailure, records_that_retention_deletes_unread_are_logged_and_counted) {
  auto run = query({kOrders}, kTotals, with_processing_log());
  for (int i = 0; i < 10; ++i) run->produce("orders", 0, {order("a", "1", i)});
  // A new task starts at the first offset that the partition still has, so it has lost no record.
  run->delete_before("orders", 0, 4);
  EXPECT_TRUE(told_by(*run).empty());
  EXPECT_EQ(run->task().metrics().records_failed, 0u);

  for (int i = 0; i < 5; ++i) run->produce("orders", 0, {order("a", "1", i)});
  run->delete_before("orders", 0, 13);
  const auto lines = told_by(*run);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find("records 10 to 12 were deleted before the query had read them"),
            std::string::npos)
      << lines[0];
  EXPECT_NE(lines[0].find("\"SOURCE_OFFSET\":10}"), std::string::npos) << lines[0];
  EXPECT_EQ(run->task().metrics().records_failed, 3u);
  EXPECT_EQ(run->newest_written(), "a {\"TOTAL\":8.0} @9\n");
}

TEST_F(TaskFailure, an_overflowing_sum_is_reported) {
  for (const char* emit : {"", " EMIT FINAL"}) {
    const bool is_final = *emit != 0;
    auto run =
        query({"CREATE STREAM orders (id VARCHAR KEY, amount INT);"},
              std::string("CREATE TABLE totals AS SELECT id, SUM(amount) AS total FROM orders ") +
                  (is_final ? "WINDOW TUMBLING (SIZE 1 SECOND, GRACE PERIOD 0 SECONDS) " : "") +
                  "GROUP BY id" + emit + ";",
              with_processing_log());
    run->produce(
        "orders", 0,
        {order("a", "2000000000", 1), order("a", "2000000000", 2), order("b", "1", 5'000)});
    const auto lines = told_by(*run);
    ASSERT_EQ(lines.size(), 1u) << emit;
    EXPECT_NE(lines[0].find("SUM of a group does not fit INTEGER and is NULL"), std::string::npos)
        << lines[0];
    if (!is_final) {
      EXPECT_NE(lines[0].find("\"SOURCE_OFFSET\":1}"), std::string::npos) << lines[0];
    }
    EXPECT_EQ(run->task().metrics().records_failed, 1u)
        << "SHOW QUERIES counts the sum as an error";
  }
}

TEST_F(TaskFailure, a_partition_that_cannot_be_read_is_named_after_all_before_it_is_done) {
  auto run = query({kOrders}, kTotals);
  run->produce("orders", 0, {order("a", "1", 1), order("a", "2", 2)});
  ASSERT_TRUE(run->run_to_rest());
  run->break_partition("orders", 0, kRefused);
  EXPECT_FALSE(run->run_to_rest());
  ASSERT_TRUE(run->task().failure());
  EXPECT_EQ(run->task().failure()->error.message, kRefused.message);
  EXPECT_EQ(run->task().failure()->offset, Offset(2));
  EXPECT_EQ(run->newest_written(), "a {\"TOTAL\":3.0} @2\n");
}

TEST_F(TaskFailure, the_number_of_commits_on_their_way_is_bounded) {
  TaskOptions options = exact(1);
  options.max_commits_in_flight = 2;
  auto run = query({kOrders}, kTotals, options);
  run->produce("orders", 0, {order("a", "1", 1), order("a", "2", 2), order("a", "3", 3)});
  EXPECT_EQ(run->task().step(), StepResult::More);
  EXPECT_EQ(run->task().step(), StepResult::Idle);
  EXPECT_EQ(run->task().step(), StepResult::Idle);
  EXPECT_EQ(run->log().on_their_way(), 2u);
  EXPECT_EQ(run->task().committed().front(), Offset(2));
  EXPECT_EQ(run->task().durable_positions().front(), Offset(0));
  int answers = 0;
  run->task().on_answer([&] { ++answers; });
  run->log().answer_one();
  EXPECT_EQ(answers, 1);
  EXPECT_EQ(run->task().durable_positions().front(), Offset(1));
  EXPECT_EQ(run->task().step(), StepResult::Idle);
  EXPECT_EQ(run->log().on_their_way(), 2u);
}

TEST_F(TaskFailure, a_careful_task_takes_its_first_rows_one_at_a_time_and_then_many) {
  TaskOptions options = exact();
  options.careful_rows = 2;
  auto run = query({kOrders}, kTotals, options);
  run->produce("orders", 0,
               {order("a", "1", 1), order("a", "2", 2), order("a", "3", 3), order("a", "4", 4)});
  for (const uint64_t taken : {1, 2, 4}) {
    EXPECT_EQ(run->task().is_careful(), taken <= 2);
    run->task().step();
    EXPECT_EQ(run->task().metrics().records_in, taken);
  }
}

TEST_F(TaskFailure, answers_may_come_after_the_task_is_gone) {
  auto run = query({kOrders}, kTotals);
  run->produce("orders", 0, {order("a", "1", 1)});
  run->task().step();
  CrashableLog& log = run->log();
  ASSERT_EQ(log.on_their_way(), 1u);
  // A query may be dropped while its last commit is being written. The answer to the commit then arrives when the
  // tasks are already destroyed.
  run->drop_tasks();
  EXPECT_TRUE(log.answer_one());
  EXPECT_EQ(run->written(), "a {\"TOTAL\":1.0} @1\n");
}

TEST_F(TaskFailure, when_durable_waits_for_all_that_was_done_before) {
  auto run = query({kOrders}, kTotals, exact(1));
  run->produce("orders", 0, {order("a", "1", 1), order("a", "2", 2)});
  std::string seen;
  run->task().when_durable([&](Status) { seen += "nothing to wait for; "; });
  run->task().step();
  run->task().when_durable([&](Status) { seen += "first; "; });
  run->task().step();
  run->task().when_durable([&](Status) { seen += "second; "; });
  EXPECT_EQ(seen, "nothing to wait for; ");
  EXPECT_EQ(run->task().durable_as_of(), CommitId{0});
  run->log().answer_one();
  EXPECT_EQ(seen, "nothing to wait for; first; ");
  EXPECT_EQ(run->task().durable_as_of(), CommitId{1});
  run->log().answer_one();
  EXPECT_EQ(seen, "nothing to wait for; first; second; ");
  EXPECT_EQ(run->task().durable_as_of(), CommitId{2});
}

// A look-up waits for the commits of the rows that it shows, not for all pending commits.
TEST_F(TaskFailure, a_look_up_returns_the_commit_it_must_wait_for) {
  auto run = query({kOrders}, kTotals, exact(1));
  run->produce("orders", 0, {order("a", "1", 1), order("b", "1", 2), order("a", "2", 3)});
  const auto as_of = [&](const std::string& key) {
    TaskSequence commit;
    EXPECT_TRUE(run->look_up({key}, commit));
    return commit.value();
  };
  for (int i = 0; i < 3; ++i) run->task().step();
  EXPECT_EQ(as_of("a"), 3);
  EXPECT_EQ(as_of("b"), 2);
  EXPECT_EQ(as_of("c"), 0);
  std::string seen;
  run->task().when_durable(TaskSequence(2), [&](Status) { seen += "b"; });
  run->log().answer_one();
  EXPECT_EQ(seen, "");
  run->log().answer_one();
  EXPECT_EQ(seen, "b");
}

TEST_F(TaskFailure, a_look_up_of_a_row_that_is_gone_waits_for_that) {
  auto run = query({"CREATE TABLE orders (id VARCHAR PRIMARY KEY, amount DECIMAL(3, 1));"},
                   "CREATE TABLE kept AS SELECT id, amount FROM orders;", exact(1));
  MemoryBacking backing;
  for (Store* store : run->task().stage().stores()) store->open_over(backing);
  run->produce("orders", 0, {order("a", "1", 1), {"a", std::nullopt, 2}});
  run->task().step();
  run->task().step();
  TaskSequence commit;
  const auto found = run->look_up({"a"}, commit);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->rows, 0u);
  EXPECT_EQ(commit.value(), 2);
}

// A look-up of a window that has ended depends on all records, because they determine whether the
// window has ended.
TEST_F(TaskFailure, a_look_up_of_windows_that_are_over_waits_for_all) {
  auto run =
      query({kOrders},
            "CREATE TABLE totals AS SELECT id, SUM(amount) AS total FROM orders WINDOW TUMBLING "
            "(SIZE 10 MILLISECONDS, GRACE PERIOD 0 SECONDS) GROUP BY id EMIT FINAL;",
            exact(1));
  run->produce("orders", 0, {order("a", "1", 1), order("b", "1", 10)});
  run->task().step();
  run->task().step();
  TaskSequence commit;
  ASSERT_TRUE(run->look_up({"a"}, commit));
  EXPECT_GE(commit.value(), 2);
  run->log().answer_all();
  bool is_durable = false;
  run->task().when_durable(commit, [&](Status status) { is_durable = status.has_value(); });
  EXPECT_TRUE(is_durable) << "nothing is on its way";
}

// The log may delay a commit to write it together with others, so it must know that a reader waits.
TEST_F(TaskFailure, the_log_is_notified_when_a_reader_waits_for_a_commit) {
  auto run = query({kOrders}, kTotals, exact(1));
  run->produce("orders", 0, {order("a", "1", 1), order("a", "2", 2)});
  run->task().when_durable([](Status) {});
  run->task().step();
  EXPECT_EQ(run->log().hurries(), 0u) << "nobody waits";
  run->task().when_durable([](Status) {});
  EXPECT_EQ(run->log().hurries(), 1u);
  run->task().step();
  EXPECT_EQ(run->log().hurries(), 2u) << "the second commit came while somebody waited";
}

TEST_F(TaskFailure, a_task_reports_that_it_waits_for_an_answer) {
  auto run = query({kOrders}, kTotals, exact(1));
  std::vector<TestRecord> records;
  for (int i = 0; i < 5; ++i) records.push_back(order("a", "1", i));
  run->produce("orders", 0, records);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(run->task().step(), StepResult::More);
    EXPECT_FALSE(run->task().waits_for_answer());
  }
  EXPECT_EQ(run->task().step(), StepResult::Idle) << "four commits are on their way";
  EXPECT_TRUE(run->task().waits_for_answer());
  run->log().answer_one();
  EXPECT_EQ(run->task().step(), StepResult::Idle) << "the last record";
  EXPECT_FALSE(run->task().waits_for_answer());
  EXPECT_EQ(run->task().step(), StepResult::Idle);
  EXPECT_TRUE(run->task().waits_for_answer()) << "what comes now waits for an answer";
}

// A look-up in a paused query waits for the commits that have begun, and for nothing else.
TEST_F(TaskFailure, a_task_that_takes_no_records_finishes_what_it_has_begun) {
  auto run = query({kOrders}, kTotals, exact(1));
  run->produce("orders", 0, {order("a", "1", 1), order("a", "2", 2)});
  run->log().set_full(true);
  run->task().step();
  bool is_durable = false;
  run->task().when_durable([&](Status status) { is_durable = status.has_value(); });
  EXPECT_TRUE(run->task().has_unfinished());
  run->log().set_full(false);
  for (int i = 0; i < 5; ++i) {
    run->task().step(Task::Intake::None);
    run->log().answer_all();
  }
  EXPECT_TRUE(is_durable);
  EXPECT_FALSE(run->task().has_unfinished());
  EXPECT_EQ(run->task().metrics().records_in, 1u);
}

TEST_F(TaskFailure, an_error_of_the_log_when_reading_stops_the_task) {
  auto run = query({kOrders}, kTotals);
  run->produce("orders", 0, {order("a", "1", 1)});
  run->log().set_read_error(kRefused);
  EXPECT_EQ(run->task().step(), StepResult::Failed);
  EXPECT_EQ(run->task().failure()->error.message, "the disk is gone");
}

// With ksqlDB's defaults, a sum that does not fit its type is a fatal error.
const std::string kCompatOrders =
    "CREATE STREAM orders (id VARCHAR KEY, amount DECIMAL(3, 1)) WITH (KAFKA_TOPIC = 'orders', "
    "VALUE_FORMAT = 'JSON', PARTITIONS = 1);";

// With one record in each step, everything before the failing record is committed, and the task's
// error names this record.
TEST_F(TaskFailure, a_fatal_record_stops_the_task_at_its_offset) {
  settings_.ksqldb_compat = true;
  auto run = query({kCompatOrders}, kTotals, exact(1));
  run->produce("orders", 0, {order("a", "99.9", 1), order("b", "1", 2), order("a", "0.1", 3)});
  EXPECT_FALSE(run->run_to_rest());
  ASSERT_TRUE(run->task().failure());
  EXPECT_EQ(run->task().failure()->offset, Offset(2));
  EXPECT_EQ(run->written(),
            "a {\"TOTAL\":99.9} @1\n"
            "b {\"TOTAL\":1.0} @2\n");
}

TEST_F(TaskFailure, nothing_of_a_batch_with_a_fatal_record_is_committed) {
  settings_.ksqldb_compat = true;
  auto run = query({kCompatOrders}, kTotals);
  run->produce("orders", 0, {order("a", "99.9", 1), order("a", "0.1", 2)});
  EXPECT_FALSE(run->run_to_rest());
  EXPECT_EQ(run->log().on_their_way(), 0u);
  EXPECT_EQ(run->written(), "");
}

TEST_F(TaskFailure, a_journal_of_another_query_is_refused) {
  auto run = query({kOrders}, kTotals);
  JournalEntry unknown_store;
  unknown_store.changes.append({7, StateEntry::Kind::Delete, "a", ""});
  EXPECT_EQ(run->task().restore(unknown_store, TaskSequence{1}).error().code,
            ErrorCode::CorruptRecord);
  JournalEntry unknown_input;
  unknown_input.positions.push_back({5, {}, Offset(1)});
  EXPECT_EQ(run->task().restore(unknown_input, TaskSequence{1}).error().code,
            ErrorCode::CorruptRecord);
}

}  // namespace
}  // namespace engine
