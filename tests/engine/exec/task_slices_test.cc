// The results of one record may be far larger than a step or a commit, so they are produced in slices. Neither slices
// nor crashes between them may change the output.
#include <tuple>

#include "engine/testing/memory_checkpoints.h"
#include "records/batch_builder.h"
#include "tests/engine/exec/query_test.h"
#include "tests/patience.h"

namespace engine {
namespace {

const std::string kClicks = "CREATE STREAM clicks (id VARCHAR KEY, n INT, list ARRAY<INT>);";
const std::string kHopping =
    "CREATE TABLE x AS SELECT id, COUNT(*) AS c FROM clicks WINDOW HOPPING (SIZE 1 HOUR, ADVANCE "
    "BY "
    "1 SECOND) GROUP BY id;";
const std::string kExplode =
    "CREATE STREAM x AS SELECT id, EXPLODE(GENERATE_SERIES(1, n)) AS i FROM "
    "clicks;";
const std::string kFinal =
    "CREATE TABLE x AS SELECT id, COUNT(*) AS c FROM clicks WINDOW TUMBLING (SIZE 1 MINUTE, GRACE "
    "PERIOD 0 SECONDS) GROUP BY id EMIT FINAL;";

constexpr size_t kMegabyte = size_t{1} << 20;

TestRecord click(const std::string& id, int n, int64_t timestamp) {
  return {id, "{\"N\":" + std::to_string(n) + "}", timestamp};
}

size_t count_lines(const std::string& text) {
  return static_cast<size_t>(std::ranges::count(text, '\n'));
}

class TaskSlices : public QueryTest {
 protected:
  // Runs the query until it is idle. Returns the number of steps.
  static size_t steps(QueryRun& run) {
    size_t steps = 0;
    for (bool moved = true; moved;) {
      while (run.task().step() == StepResult::More) ++steps;
      moved = run.log().answer_all();
    }
    EXPECT_FALSE(run.task().failure());
    return steps;
  }
};

TEST_F(TaskSlices, a_record_in_thousands_of_windows_takes_several_steps) {
  auto run = query({kClicks}, kHopping);
  run->options().slice.max_rows = 500;
  run->start();
  run->produce("clicks", 0, {click("a", 1, 10'000'000), click("b", 1, 10'000'000)});
  EXPECT_GE(steps(*run), 10u);
  EXPECT_EQ(count_lines(run->written()), 2 * 3600u);
  EXPECT_EQ(count_lines(run->table()), 2 * 3600u);
}

// The server steps a task when its input has grown. The task may then still have work left from an earlier record. It
// must take the new records later without another notification.
TEST_F(TaskSlices, records_that_arrive_between_slices_are_taken_without_a_new_notification) {
  auto run = query({kClicks}, kHopping);
  run->options().slice.max_rows = 500;
  run->start();
  run->produce("clicks", 0, {click("a", 1, 10'000'000)});
  ASSERT_EQ(run->task().step(), StepResult::More) << "most windows are left";
  run->produce("clicks", 0, {click("b", 1, 10'000'000)});
  bool is_due = true;
  while (is_due) {
    while (run->task().step() == StepResult::More) continue;
    is_due = false;
    while (run->log().answer_one()) is_due |= run->task().waits_for_answer();
  }
  EXPECT_EQ(count_lines(run->table()), 2 * 3600u);
}

// Batches of a few kilobytes that decompress to megabytes are decompressed in slices, also if records of
// several partitions are merged.
TEST_F(TaskSlices, a_batch_is_decompressed_over_several_steps) {
  for (const int partitions : {1, 2}) {
    settings_.num_partitions = partitions;
    auto run = query({kClicks}, "CREATE STREAM x AS SELECT id, n FROM clicks;");
    for (int partition = 0; partition < partitions; ++partition)
      for (int i = 0; i < 2; ++i) {
        records::BatchBuilder builder;
        builder.append(i, "k", "{\"X\":\"" + std::string(8 << 20, 'x') + "\",\"N\":1}");
        builder.append(i, "k", "{\"N\":2}");
        run->produce_batch("clicks", partition, builder.finish(records::Codec::Gzip));
      }
    size_t all_steps = 0;
    for (size_t i = 0; i < run->task_count(); ++i) {
      for (bool moved = true; moved;) {
        while (run->task(i).step() == StepResult::More) ++all_steps;
        moved = run->log().answer_all();
      }
      EXPECT_FALSE(run->task(i).failure());
    }
    EXPECT_GE(all_steps, 2u * 8 * static_cast<size_t>(partitions));
    EXPECT_EQ(count_lines(run->written()), 4u * static_cast<size_t>(partitions));
  }
}

// A record of thousands of columns may have few bytes, but decoding each cell takes time, and all records that one
// call takes from the log are decoded without a pause. So the number of cells is limited: without the limit, one
// step would decode all 200 records. The number of calls in a step is not checked, because it depends on the speed
// of the machine.
TEST_F(TaskSlices, records_of_thousands_of_columns_are_taken_a_few_at_a_time) {
  constexpr size_t kRows = 200, kColumns = 4'000;
  std::string stream = "CREATE STREAM wide (id VARCHAR KEY";
  for (size_t i = 0; i < kColumns; ++i) stream += ", c" + std::to_string(i) + " VARCHAR";
  const std::vector<TestRecord> records(kRows, {"a", "{\"C0\":\"x\"}", 1'000});
  for (const auto& [selected, least, most] :
       {std::tuple<const char*, size_t, size_t>{"*", 10, SIZE_MAX}, {"id, c0", 0, 5}}) {
    auto run = query({stream + ");"},
                     std::string("CREATE STREAM x AS SELECT ") + selected + " FROM wide;");
    run->produce("wide", 0, records);
    const size_t taken = steps(*run);
    EXPECT_GE(taken, least) << selected;
    EXPECT_LE(taken, most) << selected;
    EXPECT_EQ(count_lines(run->written()), kRows) << selected;
  }
}

TEST_F(TaskSlices, commits_stay_small_however_many_rows_a_record_makes) {
  for (const std::string& sql : {kHopping, kExplode}) {
    auto run = query({kClicks}, sql);
    std::vector<TestRecord> records;
    for (int i = 0; i < 20; ++i)
      records.push_back(click("key" + std::to_string(i), 20'000, 10'000'000));
    run->produce("clicks", 0, records);
    steps(*run);
    EXPECT_EQ(count_lines(run->written()), 20u * (sql == kHopping ? 3600 : 20'000));
    EXPECT_LE(run->log().largest_output(), kMegabyte);
    EXPECT_LE(run->log().largest_commit(), 4 * kMegabyte);
  }
}

// Changes of state without an output also count towards the size of a commit, because the journal
// contains them. A block (rows after which a commit is possible) may end later than its slice. Then
// the commit must follow this block, and not wait for the next one.
TEST_F(TaskSlices, commits_stay_small_however_large_groups_are) {
  const std::string text = "LATEST_BY_OFFSET(LPAD('', n, 'x'))";
  for (const char* emit : {"CHANGES", "FINAL"}) {
    auto run =
        query({kClicks}, "CREATE TABLE x AS SELECT id, CONCAT(" + text + ", " + text + ", " + text +
                             ") AS l FROM clicks WINDOW HOPPING (SIZE 5 MINUTES, ADVANCE BY "
                             "1 SECOND) GROUP BY id EMIT " +
                             emit + ";");
    run->produce("clicks", 0, {click("a", 80'000, 10'000'000)});
    steps(*run);
    EXPECT_EQ(count_lines(run->written()), emit == std::string("FINAL") ? 0 : 300u);
    EXPECT_LE(run->log().largest_commit(), 6 * kMegabyte) << emit;
  }
}

// Within a block, only the last result of a group is written, so no list is built for the earlier
// records.
TEST_F(TaskSlices, lists_that_the_next_record_replaces_are_not_written) {
  TaskOptions options;
  options.merge_updates = true;
  options.slice.max_bytes = 100;
  auto run =
      query({kClicks}, "CREATE TABLE x AS SELECT id, COLLECT_LIST(n) AS l FROM clicks GROUP BY id;",
            options);
  std::vector<TestRecord> records;
  for (int i = 0; i < 100; ++i) records.push_back(click(i == 50 ? "b" : "a", 1'000 + i, i));
  run->produce("clicks", 0, records);
  steps(*run);
  EXPECT_LE(count_lines(run->written()), 10u);
  const std::string newest = run->newest_written();
  EXPECT_EQ(std::ranges::count(newest, ','), 98) << newest;
  EXPECT_NE(newest.find("1099]} @99\nb {\"L\":[1050]} @50\n"), std::string::npos) << newest;
}

TEST_F(TaskSlices, a_group_that_is_too_large_takes_no_further_values) {
  auto run = query({kClicks},
                   "CREATE TABLE x AS SELECT id, ARRAY_LENGTH(COLLECT_LIST(LPAD('', n, 'x'))) AS l "
                   "FROM clicks GROUP BY id;");
  std::vector<TestRecord> records;
  for (int i = 0; i < 4; ++i) records.push_back(click("a", 25'000'000, i));
  records.push_back(click("b", 1, 5));
  run->produce("clicks", 0, records);
  steps(*run);
  EXPECT_EQ(run->newest_written(), "a {\"L\":3} @2\nb {\"L\":1} @5\n");
  EXPECT_NE(
      run->task().metrics().last_error.find("accepts no further records (partition 0, offset 3)"),
      std::string::npos)
      << run->task().metrics().last_error;
}

TEST_F(TaskSlices, outputs_are_cut_into_batches_that_consumers_take) {
  auto run =
      query({kClicks}, "CREATE STREAM x AS SELECT id, LPAD('', n, 'x') AS text FROM clicks;");
  std::vector<TestRecord> records;
  for (int i = 0; i < 30; ++i) records.push_back(click("k", 300'000, 1));
  run->produce("clicks", 0, records);
  steps(*run);
  EXPECT_EQ(count_lines(run->written()), 30u);
  EXPECT_LE(run->log().largest_output(), kMegabyte);
}

TEST_F(TaskSlices, a_position_is_passed_when_all_of_its_record_is_durable) {
  auto run = query({kClicks}, kExplode);
  run->options().slice.max_rows = 10;
  run->start();
  run->produce("clicks", 0, {click("a", 5, 1), click("b", 100, 2), click("c", 1, 3)});
  run->task().step();
  // 5 of the 10 rows are from the second record
  EXPECT_EQ(run->task().inputs().front().next, Offset(1));
  bool is_durable = false;
  run->task().when_durable([&](Status status) { is_durable = status.has_value(); });
  EXPECT_FALSE(is_durable);
  run->log().answer_all();
  EXPECT_TRUE(is_durable);
  EXPECT_EQ(count_lines(run->written()), 10u);
  steps(*run);
  EXPECT_EQ(run->task().inputs().front().next, Offset(3));
  EXPECT_EQ(count_lines(run->written()), 106u);
}

// If the table is not in memory, each record first reads a row from disk.
TEST_F(TaskSlices, changes_of_a_table_on_disk_are_made_a_few_at_a_time) {
  constexpr int kRows = 1'000;
  auto run = query({"CREATE TABLE t (id VARCHAR PRIMARY KEY, n INT);"},
                   "CREATE TABLE x AS SELECT id, n + 1 AS m FROM t WHERE n > 0;");
  run->options().slice.max_us = 0;
  run->start();
  MemoryBacking nothing;
  for (Store* store : run->task().stage().stores()) {
    store->open_over(nothing);
    store->restore_size(1);
  }
  std::vector<TestRecord> records;
  for (int i = 0; i < kRows; ++i) records.push_back(click("key" + std::to_string(i), i % 2, i));
  run->produce("t", 0, records);
  run->task().step();
  EXPECT_EQ(nothing.reads(), Slice::kBlockFetches);
  EXPECT_EQ(run->task().inputs().front().next, Offset(Slice::kBlockFetches));
  EXPECT_TRUE(run->task().has_unfinished());
  EXPECT_GE(steps(*run), 4u);
  EXPECT_EQ(run->task().inputs().front().next, Offset(kRows));
  EXPECT_EQ(count_lines(run->written()), kRows / 2u);
}

// The task crashes after each commit.
TEST_F(TaskSlices, a_task_goes_on_in_the_middle_of_a_record) {
  for (const std::string& sql : {kHopping, kExplode, kFinal}) {
    const std::vector<TestRecord> records{click("a", 3, 100'000), click("b", 700, 110'000),
                                          click("c", 7, 120'000), click("a", 0, 5'000'000),
                                          click("d", 2, 100'000)};
    auto calm = query({kClicks}, sql);
    calm->produce("clicks", 0, records);
    ASSERT_TRUE(calm->run_to_rest());

    auto troubled = query({kClicks}, sql);
    troubled->options().slice.max_rows = 37;
    troubled->log().take_back_on_release();
    troubled->produce("clicks", 0, records);
    for (int crashes = 0; crashes < 400; ++crashes) {
      troubled->start();
      troubled->task().step();
      troubled->log().answer_all();
    }
    troubled->start();
    ASSERT_TRUE(troubled->run_to_rest());
    EXPECT_EQ(troubled->written(), calm->written());
    EXPECT_EQ(troubled->table(), calm->table());
    EXPECT_EQ(troubled->task().metrics().records_in, calm->task().metrics().records_in);
    EXPECT_EQ(troubled->task().metrics().records_late, calm->task().metrics().records_late);
    EXPECT_EQ(troubled->task().stage().scalars(), calm->task().stage().scalars());
  }
}

// Late records are counted in the commit that passes them, not at the end of their batch.
TEST_F(TaskSlices, late_records_are_counted_once_over_crashes) {
  std::vector<TestRecord> records{click("a", 1, 10'000'000)};
  for (int i = 0; i < 200; ++i) {
    records.push_back(click("late", 1, 1'000));
    records.push_back(click("b", 1, 10'000'000 + i));
  }
  auto run = query({kClicks}, kFinal);
  run->options().slice.max_rows = 7;
  run->log().take_back_on_release();
  run->produce("clicks", 0, records);
  for (int crashes = 0; crashes < 30; ++crashes) {
    run->start();
    run->task().step();
    run->log().answer_all();
  }
  run->start();
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(run->task().metrics().records_late, 200u);
}

// Each record is in 100,000 windows, almost all of which are closed.
TEST_F(TaskSlices, closed_windows_of_late_records_cost_nothing) {
  session_["max.windows.per.record"] = "1000000";
  auto run = query({kClicks},
                   "CREATE TABLE x AS SELECT id, COUNT(*) AS c FROM clicks WINDOW HOPPING (SIZE "
                   "100000 SECONDS, ADVANCE BY 1 SECOND, GRACE PERIOD 0 SECONDS) GROUP BY id;");
  constexpr int64_t kNow = 1'000'000'000, kSize = 100'000'000;
  std::vector<TestRecord> records{click("a", 1, kNow)};
  for (int i = 0; i < 2'000; ++i) records.push_back(click("late", 1, kNow - kSize));
  records.push_back(click("b", 1, kNow - kSize + 3'500));
  run->produce("clicks", 0, records);
  const SystemClock clock;
  const int64_t begun_us = clock.monotonic_us();
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_FASTER(std::chrono::microseconds(clock.monotonic_us() - begun_us),
                std::chrono::seconds(10));
  EXPECT_EQ(count_lines(run->table()), 100'000u + 3u);
  EXPECT_EQ(run->task().metrics().records_late, 2'001u);
}

TEST_F(TaskSlices, closing_many_windows_takes_several_steps_and_keeps_their_order) {
  auto run = query({kClicks}, kFinal);
  std::vector<TestRecord> records;
  for (int i = 0; i < 10'000; ++i)
    records.push_back(click("key" + std::to_string((i * 7919) % 10'000 + 10'000), 1, 1'000));
  records.push_back(click("end", 1, 60'000));
  run->produce("clicks", 0, records);
  run->options().slice.max_rows = 1000;
  run->start();
  EXPECT_GE(steps(*run), 10u);
  const std::string written = run->written();
  ASSERT_EQ(count_lines(written), 10'000u);
  std::vector<std::string> keys;
  for (size_t at = 0; at < written.size(); at = written.find('\n', at) + 1)
    keys.push_back(written.substr(at, 8));
  EXPECT_TRUE(std::ranges::is_sorted(keys));
}

// A query over rows that share strings. Each row is the input of a function that makes many rows.
struct Sharing {
  std::string sql;
  std::vector<TestRecord> clicks;
};

std::vector<Sharing> queries_with_shared_strings(size_t rows, size_t bytes) {
  std::vector<TestRecord> few;
  for (size_t i = 0; i < rows; ++i)
    few.push_back(click("k" + std::to_string(i % 3), 1, 100 + static_cast<int64_t>(i)));
  std::string list;
  for (size_t i = 0; i < rows; ++i) list += (i > 0 ? "," : "") + std::to_string(i);
  const TestRecord long_list{
      "k", "{\"N\":1,\"TEXT\":\"" + std::string(bytes, 'x') + "\",\"LIST\":[" + list + "]}", 100};
  const std::string join = "SELECT c.id AS id, n, doc, docs FROM clicks c JOIN t ON c.id = t.id";
  return {
      {"CREATE STREAM x AS " + join + ";", few},
      {"CREATE STREAM x AS " + join + " PARTITION BY n;", few},
      {"CREATE STREAM x AS SELECT id, '" + std::string(bytes, 'y') + "' AS y FROM clicks;", few},
      {"CREATE STREAM x AS SELECT id, text, list, EXPLODE(list) AS i FROM clicks;", {long_list}}};
}

class TaskSharing : public TaskSlices {
 protected:
  std::unique_ptr<QueryRun> run_of(const Sharing& sharing, size_t bytes) {
    auto run =
        query({"CREATE STREAM clicks (id VARCHAR KEY, n INT, text VARCHAR, list ARRAY<INT>);",
               "CREATE TABLE t (id VARCHAR PRIMARY KEY, doc VARCHAR, docs ARRAY<VARCHAR>);"},
              sharing.sql);
    run->log().take_back_on_release();
    const std::string doc(bytes, 'd');
    run->produce("t", 0,
                 {{"k0", "{\"DOC\":\"" + doc + "\",\"DOCS\":[\"1\",\"" + doc + "\"]}", 1},
                  {"k1", "{\"DOC\":\"short\"}", 2}});
    run->produce("clicks", 0, sharing.clicks);
    return run;
  }
};

TEST_F(TaskSharing, commits_stay_small_even_if_rows_share_values) {
  constexpr size_t kBytes = 100'000;
  for (const Sharing& sharing : queries_with_shared_strings(300, kBytes)) {
    auto run = run_of(sharing, kBytes);
    EXPECT_TRUE(run->run_to_rest());
    EXPECT_GE(run->written().size(), 100 * kBytes) << sharing.sql.substr(0, 80);
    EXPECT_LE(run->log().largest_output(), kMegabyte) << sharing.sql.substr(0, 80);
    EXPECT_LE(run->log().largest_commit(), 4 * kMegabyte) << sharing.sql.substr(0, 80);
  }
}

TEST_F(TaskSharing, outputs_are_cut_anywhere) {
  for (const Sharing& sharing : queries_with_shared_strings(40, 300)) {
    auto calm = run_of(sharing, 300);
    ASSERT_TRUE(calm->run_to_rest());
    for (const size_t max_bytes : {1, 1000}) {
      auto troubled = run_of(sharing, 300);
      troubled->options().slice.max_bytes = max_bytes;
      for (int crashes = 0; crashes < 100; ++crashes) {
        troubled->start();
        for (size_t i = 0; i < troubled->task_count(); ++i) troubled->task(i).step();
        troubled->log().answer_all();
      }
      troubled->start();
      ASSERT_TRUE(troubled->run_to_rest());
      EXPECT_EQ(troubled->written(), calm->written()) << sharing.sql.substr(0, 80);
      EXPECT_EQ(troubled->task().metrics().records_in, calm->task().metrics().records_in);
    }
  }
}

TEST_F(TaskSlices, a_result_that_is_too_large_is_a_failed_record) {
  auto run = query({kClicks},
                   "CREATE STREAM x AS SELECT id, LPAD('', n, 'x') AS a, LPAD('', n, 'y') AS b "
                   "FROM clicks;");
  run->produce("clicks", 0, {click("a", 1, 1), click("b", 40'000'000, 2), click("c", 1, 3)});
  steps(*run);
  EXPECT_EQ(run->written(),
            "a {\"A\":\"x\",\"B\":\"y\"} @1\n"
            "c {\"A\":\"x\",\"B\":\"y\"} @3\n");
  EXPECT_EQ(run->task().metrics().records_failed, 1u);
}

// If all rows were evaluated at once, their values would exceed the memory limit of an evaluation.
TEST_F(TaskSlices, values_that_are_too_many_for_one_evaluation_are_made_in_several) {
  auto run =
      query({kClicks}, "CREATE STREAM x AS SELECT id, LEN(LPAD('', n, 'x')) AS l FROM clicks;");
  std::vector<TestRecord> records;
  for (int i = 0; i < 10; ++i) records.push_back(click("k", i == 5 ? 70'000'000 : 30'000'000, i));
  run->produce("clicks", 0, records);
  steps(*run);
  EXPECT_EQ(count_lines(run->written()), 10u);
  // the row whose value alone exceeds the limit
  EXPECT_EQ(run->task().metrics().records_failed, 1u);
  EXPECT_NE(run->written().find("{\"L\":null} @5"), std::string::npos) << run->written();
}

}  // namespace
}  // namespace engine
