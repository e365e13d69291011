// Tests the task that writes an exchange, and the task that reads it. The tests use records of the previous version,
// restarts in the middle of a block, and damaged records.
#include "engine/exec/exchange_codec.h"
#include "records/batch_builder.h"
#include "tests/engine/exec/query_test.h"

namespace engine {
namespace {

const std::string kClicks = "CREATE STREAM clicks (id VARCHAR KEY, page VARCHAR);";
const std::string kNewest =
    "CREATE TABLE x AS SELECT page, COUNT(*) AS n, LATEST_BY_OFFSET(id) AS id FROM clicks GROUP BY "
    "page;";

TestRecord click(const std::string& id, const std::string& page, int64_t timestamp) {
  return {id, R"({"PAGE":")" + page + R"("})", timestamp};
}

// Returns the only exchange of the plan, with the id that QueryRun assigns to it.
PartitionRef exchange() {
  PartitionRef ref;
  ref.topic.bytes[0] = 2;
  return ref;
}

// Appends a row in the form that exchanges had before rows were packed in blocks.
void append_row(records::BatchBuilder& builder, std::string_view page, std::string_view id,
                int64_t timestamp) {
  Column ids(TypeKind::String);
  ids.append(id);
  const Column* const columns[] = {&ids};
  std::string value(1, static_cast<char>(kHasNewRow)), scratch;
  encode_exchange_row(columns, 0, scratch, value);
  builder.append(timestamp, page, value);
}

class ExchangeTask : public QueryTest {};

TEST_F(ExchangeTask, rows_in_the_earlier_form_are_read_before_blocks) {
  for (const size_t max_rows : {1, 2, 4096}) {
    auto run = query({kClicks}, kNewest, exact(max_rows));
    records::BatchBuilder builder;
    append_row(builder, "home", "a", 10);
    append_row(builder, "cart", "b", 11);
    append_row(builder, "home", "c", 12);
    run->log().topics().append(exchange(), builder.finish());
    run->produce("clicks", 0, {click("d", "home", 13), click("e", "cart", 14)});
    run->log().take_back_on_release();
    ASSERT_TRUE(run->run_to_rest());
    EXPECT_EQ(run->written(), R"(home {"N":1,"ID":"a"} @10)"
                              "\n"
                              R"(cart {"N":1,"ID":"b"} @11)"
                              "\n"
                              R"(home {"N":2,"ID":"c"} @12)"
                              "\n"
                              R"(home {"N":3,"ID":"d"} @13)"
                              "\n"
                              R"(cart {"N":2,"ID":"e"} @14)"
                              "\n")
        << max_rows;
  }
}

TEST_F(ExchangeTask, a_task_goes_on_in_the_middle_of_a_block) {
  std::vector<TestRecord> records;
  for (int i = 0; i < 50; ++i)
    records.push_back(click("id" + std::to_string(i), i % 3 == 0 ? "home" : "cart", i));
  auto straight = query({kClicks}, kNewest);
  straight->produce("clicks", 0, records);
  ASSERT_TRUE(straight->run_to_rest());

  auto run = query({kClicks}, kNewest);
  run->produce("clicks", 0, records);
  run->task(0).step();
  run->log().answer_all();
  ASSERT_EQ(run->log().topics().batches_of(exchange()).size(), 1u);
  run->options().max_rows_per_step = 7;
  for (int restart = 0; restart < 5; ++restart) {
    run->start();
    run->task(1).step();
    run->log().answer_all();
    EXPECT_EQ(run->task(1).committed().front(), Offset(7 * (restart + 1)));
  }
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(run->written(), straight->written());
}

TEST_F(ExchangeTask, a_block_that_is_damaged_stops_the_query_before_it) {
  for (const size_t max_rows : {1, 4096}) {
    auto run = query({kClicks}, kNewest, exact(max_rows));
    run->produce("clicks", 0, {click("a", "home", 1), click("b", "home", 2)});
    ASSERT_TRUE(run->run_to_rest());
    const std::string good = run->written();
    records::BatchBuilder builder;
    builder.append_block(3, std::string_view("\x10\x02\x08\x00\x01\x05", 6), 2);
    run->log().topics().append(exchange(), builder.finish());
    EXPECT_FALSE(run->run_to_rest());
    ASSERT_TRUE(run->task(1).failure());
    const TaskFailure& failure = *run->task(1).failure();
    EXPECT_EQ(failure.error.code, ErrorCode::CorruptRecord);
    EXPECT_EQ(failure.error.message,
              "an exchange of the query, partition 0: the record batch at offset 2 is damaged");
    EXPECT_EQ(run->written(), good);
  }
}

}  // namespace
}  // namespace engine
