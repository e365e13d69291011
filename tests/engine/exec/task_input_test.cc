// Tests how a task reads: each record is decoded once, however many are read at a time; a damaged batch stops the
// task; counts survive a restart; late records and records with future timestamps are reported.
#include "records/batch.h"
#include "records/batch_builder.h"
#include "tests/engine/exec/query_test.h"

namespace engine {
namespace {

const std::string kClicks = "CREATE STREAM clicks (id VARCHAR KEY, page VARCHAR);";
const std::string kCopy = "CREATE STREAM x AS SELECT * FROM clicks;";
const std::string kByPage =
    "CREATE TABLE x AS SELECT page, COUNT(*) AS n FROM clicks WINDOW TUMBLING (SIZE 1 MINUTE, "
    "GRACE "
    "PERIOD 1 MINUTE) GROUP BY page;";
const std::string kById =
    "CREATE TABLE x AS SELECT id, COUNT(*) AS n FROM clicks WINDOW TUMBLING (SIZE 1 MINUTE, GRACE "
    "PERIOD 1 MINUTE) GROUP BY id;";

TestRecord click(const std::string& id, int64_t timestamp) {
  return {id, R"({"PAGE":"p"})", timestamp};
}

std::string compressed_batch(int records, int64_t timestamp) {
  records::BatchBuilder builder;
  for (int i = 0; i < records; ++i)
    builder.append(timestamp + i, "k" + std::to_string(i), R"({"PAGE":"home"})");
  return builder.finish(records::Codec::Lz4);
}

size_t count_lines(const std::string& text) {
  return static_cast<size_t>(std::ranges::count(text, '\n'));
}

class TaskInput : public QueryTest {
 protected:
  // Returns the records that moved the stream time, according to the metrics of the query's tasks.
  static std::vector<StreamTime> moved_by(QueryRun& run) {
    std::vector<StreamTime> told;
    for (size_t i = 0; i < run.task_count(); ++i)
      if (const StreamTime& time = run.task(i).metrics().stream_time; time.offset >= 0)
        told.push_back(time);
    return told;
  }
};

// All records of a partition are later than those of the partition before it, so the partitions are read one after the
// other. The first decoded records of the later partitions must be kept meanwhile, and not be decoded again in each
// step.
TEST_F(TaskInput, partitions_with_skewed_times_are_decoded_once) {
  constexpr int kPartitions = 8, kRecords = 500;
  settings_.num_partitions = kPartitions;
  for (const int64_t skew : {0, 1'000'000}) {
    auto run = query({kClicks}, kByPage, exact(64));
    run->log().take_back_on_release();
    for (int partition = 0; partition < kPartitions; ++partition) {
      std::vector<TestRecord> records;
      for (int i = 0; i < kRecords; ++i) records.push_back(click("k", partition * skew + i * 10));
      run->produce("clicks", partition, records);
    }
    ASSERT_TRUE(run->run_to_rest());
    uint64_t decoded = 0;
    for (size_t i = 0; i < run->task_count(); ++i) decoded += run->task(i).decoded_rows();
    // each record is decoded once in each of the two stages
    EXPECT_EQ(decoded, 2u * kPartitions * kRecords) << skew;
  }
}

TEST_F(TaskInput, compressed_batches_are_taken_record_by_record) {
  auto run = query({kClicks}, kCopy, exact(1));
  run->log().take_back_on_release();
  run->produce_batch("clicks", 0, compressed_batch(50, 1000));
  run->produce_batch("clicks", 0, compressed_batch(50, 2000));
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(count_lines(run->written()), 100u);
  EXPECT_EQ(run->task().decoded_rows(), 100u);
}

// While the external registry has not answered, the record is not skipped, and no later record is
// processed.
TEST_F(TaskInput, a_record_waits_for_its_schema) {
  struct Late final : SchemaLookup {
    bool has_answered = false;
    SchemaTextPtr find_schema(int32_t id) const override { return ask_schema(id).schema; }
    Found ask_schema(int32_t id) const override {
      if (!has_answered) return {nullptr, "nobody answers"};
      if (id != 5) return {};
      return {std::make_shared<const SchemaText>(SchemaText{
          SchemaKind::Avro,
          R"({"type":"record","name":"R","fields":[{"name":"PAGE","type":"string"}]})"})};
    }
  };
  const auto record = [](const std::string& id, char schema, const std::string& avro) {
    return TestRecord{id, std::string(4, '\0') + schema + avro, 1};
  };
  for (const size_t max_rows : {1, 3, 4096}) {
    Late schemas;
    TaskOptions options = exact(max_rows);
    options.schemas = &schemas;
    auto run =
        query({"CREATE STREAM clicks (id VARCHAR KEY, page VARCHAR) WITH (VALUE_FORMAT = 'AVRO');"},
              "CREATE STREAM x WITH (VALUE_FORMAT = 'JSON') AS SELECT * FROM clicks;", options);
    run->log().take_back_on_release();
    const std::string own(
        "\x02\x02"
        "p",
        3);  // the first byte is the branch of a union
    run->produce("clicks", 0,
                 {record("a", 0, own), record("b", 0, own), record("c", 5, "\x02q"),
                  record("d", 6, "\x02q"), record("e", 0, own)});
    ASSERT_TRUE(run->run_to_rest());
    EXPECT_EQ(count_lines(run->written()), 2u) << run->written();
    EXPECT_EQ(run->task().waits_for(), "schema id 5 cannot be had: nobody answers");
    EXPECT_EQ(run->task().metrics().records_failed, 0u);
    schemas.has_answered = true;
    ASSERT_TRUE(run->run_to_rest());
    EXPECT_EQ(run->task().waits_for(), "");
    EXPECT_EQ(count_lines(run->written()), 4u) << run->written();
    EXPECT_EQ(run->task().metrics().records_failed, 1u);
  }
}

TEST_F(TaskInput, a_damaged_batch_stops_the_query_before_it) {
  for (const size_t max_rows : {1, 3, 4096}) {
    auto run = query({kClicks}, kCopy, exact(max_rows));
    run->produce("clicks", 0, {click("a", 1), click("b", 2)});
    std::string damaged = batch_of({click("c", 3), click("d", 4)});
    damaged[damaged.size() - 5] ^= 1;
    run->produce_batch("clicks", 0, damaged);
    run->produce("clicks", 0, {click("e", 5)});
    EXPECT_FALSE(run->run_to_rest());
    ASSERT_TRUE(run->task().failure());
    const TaskFailure& failure = *run->task().failure();
    EXPECT_EQ(failure.error.code, ErrorCode::CorruptRecord);
    EXPECT_EQ(failure.error.message,
              "topic \"clicks\", partition 0: the record batch at offset 2 is damaged");
    EXPECT_EQ(failure.error.detail, "record batch does not match its checksum");
    EXPECT_EQ(failure.offset, Offset(2));
    EXPECT_EQ(count_lines(run->written()), 2u);
  }
}

TEST_F(TaskInput, late_records_are_counted_and_the_clock_that_ran_ahead_is_named) {
  auto run = query({kClicks}, kById);
  run->produce(
      "clicks", 0,
      {click("a", 1'000), click("b", 400LL * 86'400'000), click("a", 2'000), click("c", 3'000)});
  ASSERT_TRUE(run->run_to_rest());
  const TaskMetrics& metrics = run->task().metrics();
  EXPECT_EQ(metrics.records_in, 4u);
  EXPECT_EQ(metrics.records_late, 2u);
  EXPECT_EQ(metrics.records_failed, 0u);
  EXPECT_EQ(metrics.stream_time, (StreamTime{400LL * 86'400'000, 0, 1}));
}

TEST_F(TaskInput, behind_an_exchange_the_first_stage_knows_the_record_that_moved_the_time) {
  settings_.num_partitions = 2;
  auto run = query({kClicks}, kByPage);
  run->produce("clicks", 0, {click("a", 1'000)});
  run->produce("clicks", 1, {click("b", 5), click("b", 900'000)});
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(moved_by(*run), (std::vector{StreamTime{1'000, 0, 0}, StreamTime{900'000, 1, 1}}));
}

TEST_F(TaskInput, behind_an_exchange_a_record_far_ahead_of_the_clock_moves_nothing) {
  constexpr int64_t kDay = 86'400'000, kNow = 1'000'000;  // kNow is the time of QueryRun's clock
  session_["stream.time.max.ahead.ms"] = std::to_string(kDay);
  auto run = query({kClicks}, kByPage);
  run->produce(
      "clicks", 0,
      {click("a", kNow), click("b", kNow + 5), click("b", kNow + kDay + 1), click("a", kNow + 1)});
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(moved_by(*run), (std::vector{StreamTime{kNow + 5, 0, 1}}));
}

TEST_F(TaskInput, counts_outlive_a_restart) {
  auto run = query({kClicks}, kById);
  run->produce("clicks", 0, {click("a", 900'000), {"a", "{nonsense", 1}, click("b", 2'000)});
  ASSERT_TRUE(run->run_to_rest());
  run->start();
  ASSERT_TRUE(run->run_to_rest());
  const TaskMetrics& metrics = run->task().metrics();
  EXPECT_EQ(metrics.records_in, 2u);
  EXPECT_EQ(metrics.records_failed, 1u);
  EXPECT_EQ(metrics.records_late, 1u);
  EXPECT_EQ(metrics.stream_time, (StreamTime{900'000, 0, 0}));
}

TEST_F(TaskInput, a_record_far_ahead_of_the_clock_counts_and_moves_nothing) {
  constexpr int64_t kDay = 86'400'000, kNow = 1'000'000;  // kNow is the time of QueryRun's clock
  session_["stream.time.max.ahead.ms"] = std::to_string(kDay);
  auto run = query({kClicks}, kById);
  run->produce("clicks", 0,
               {click("a", kNow), click("b", kNow + kDay + 1), click("a", kNow + 1),
                click("c", kNow + kDay)});
  ASSERT_TRUE(run->run_to_rest());
  const TaskMetrics& metrics = run->task().metrics();
  EXPECT_EQ(metrics.records_ahead, 1u);
  EXPECT_EQ(metrics.records_late, 0u);
  EXPECT_EQ(metrics.stream_time, (StreamTime{kNow + kDay, 0, 3}));
  EXPECT_EQ(count_lines(run->written()), 4u);
}

TEST_F(TaskInput, less_than_a_day_ahead_is_refused) {
  catalog_ = std::make_shared<const Catalog>();
  ASSERT_TRUE(create(kClicks));
  for (const char* value : {"0", "86399999", "-2", "soon"}) {
    session_["stream.time.max.ahead.ms"] = value;
    EXPECT_EQ(plan(kById).error().code, ErrorCode::InvalidParameter) << value;
  }
  session_["stream.time.max.ahead.ms"] = "-1";
  EXPECT_TRUE(plan(kById));
}

}  // namespace
}  // namespace engine
