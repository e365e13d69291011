#include "server/sql/topics/reset_plan.h"

#include <gtest/gtest.h>

namespace server {
namespace {

using Target = engine::ResetOffsets::Target;
using TopicPlace = KafkaAdmin::Place;

const TopicPlace kZero{"t", 0}, kOne{"t", 1};

engine::ResetOffsets to(Target target, int64_t number = 0) {
  engine::ResetOffsets reset;
  reset.target = target;
  reset.number = number;
  return reset;
}

// Partition 0 has the records 10 to 99, and the group is at 40; in partition 1 it has committed nothing.
ResetFacts facts() { return {{{kZero, 40}}, {{kZero, 10}, {kOne, 0}}, {{kZero, 100}, {kOne, 5}}}; }

std::vector<int64_t> planned(const engine::ResetOffsets& reset, const ResetFacts& facts) {
  std::vector<int64_t> then;
  for (const OffsetChange& change : plan_reset(reset, facts)) then.push_back(change.then);
  return then;
}

TEST(ResetPlan, each_target_has_its_offset) {
  EXPECT_EQ(planned(to(Target::Earliest), facts()), (std::vector<int64_t>{10, 0}));
  EXPECT_EQ(planned(to(Target::Latest), facts()), (std::vector<int64_t>{100, 5}));
  ResetFacts timed = facts();
  timed.at_time = {{kZero, 70}};
  EXPECT_EQ(planned(to(Target::Timestamp), timed), (std::vector<int64_t>{70, 5}));
  ResetFacts copied = facts();
  copied.other = {{kOne, 3}};
  EXPECT_EQ(planned(to(Target::Group), copied), (std::vector<int64_t>{3}));
}

TEST(ResetPlan, offsets_stay_within_the_partition) {
  EXPECT_EQ(planned(to(Target::Offset, 3), facts()), (std::vector<int64_t>{10, 3}));
  EXPECT_EQ(planned(to(Target::Offset, 500), facts()), (std::vector<int64_t>{100, 5}));
}

TEST(ResetPlan, only_committed_offsets_are_shifted) {
  EXPECT_EQ(planned(to(Target::Shift, -15), facts()), (std::vector<int64_t>{25}));
  EXPECT_EQ(planned(to(Target::Shift, -31), facts()), (std::vector<int64_t>{10}));
  EXPECT_EQ(planned(to(Target::Shift, INT64_MAX), facts()), (std::vector<int64_t>{100}));
  EXPECT_EQ(planned(to(Target::Shift, INT64_MIN), facts()), (std::vector<int64_t>{10}));
}

TEST(ResetPlan, rows_count_the_records_that_are_read_again_or_skipped) {
  const engine::InformationRows rows = rows_of(plan_reset(to(Target::Earliest), facts()));
  ASSERT_EQ(rows.rows, 2U);
  ASSERT_EQ(rows.columns.size(), rows.schema.columns.size());
  EXPECT_EQ(rows.columns[4]->value_at(0), engine::Value::bigint(30));
  EXPECT_EQ(rows.columns[5]->value_at(0), engine::Value::bigint(0));
  EXPECT_EQ(rows.columns[6]->value_at(0), engine::Value::bigint(90));
  EXPECT_EQ(rows.columns[6]->value_at(1), engine::Value::bigint(5));
  EXPECT_TRUE(rows.columns[2]->is_null(1));
  EXPECT_TRUE(rows.columns[4]->is_null(1));
}

}  // namespace
}  // namespace server
