#include "server/sql/read/acknowledged_ends.h"

#include <gtest/gtest.h>

namespace server {
namespace {

using storage::TopicPartition;

const Uuid kTopic = Uuid::random();

TopicPartition partition(int32_t number) { return {kTopic, PartitionId{number}}; }

TEST(AcknowledgedEnds, come_from_recent_answers) {
  AcknowledgedEnds told;
  told.note({{partition(0), Offset{5}}, {partition(1), Offset{7}}}, 1000);
  const std::vector both = {partition(0), partition(1)};
  ASSERT_TRUE(told.since(both, 1000));
  EXPECT_EQ(told.since(both, 1000)->at(1).second, Offset{7});
  EXPECT_FALSE(told.since(both, 1001));
}

// A read of three partitions cannot use ends of which only two are known.
TEST(AcknowledgedEnds, are_of_all_partitions_or_none) {
  AcknowledgedEnds told;
  told.note({{partition(0), Offset{5}}}, 1000);
  told.note({{partition(1), Offset{7}}}, 400);
  EXPECT_FALSE(told.since(std::vector{partition(0), partition(2)}, 0));
  EXPECT_FALSE(told.since(std::vector{partition(0), partition(1)}, 500));
  EXPECT_TRUE(told.since(std::vector{partition(0), partition(1)}, 400));
}

// The answer to an older request arrives last. It must decrease neither the end nor the time for which the end is
// known.
TEST(AcknowledgedEnds, do_not_go_back) {
  AcknowledgedEnds told;
  told.note({{partition(0), Offset{9}}}, 2000);
  told.note({{partition(0), Offset{8}}}, 1000);
  const auto ends = told.since(std::vector{partition(0)}, 2000);
  ASSERT_TRUE(ends);
  EXPECT_EQ(ends->front().second, Offset{9});
}

TEST(AcknowledgedEnds, are_known_since_their_arrival) {
  AcknowledgedEnds told;
  told.note({{partition(0), Offset{5}}}, 1000);
  told.note({{partition(1), Offset{7}}}, 400);
  const ClusterTopics::Ends expected{{partition(0), Offset{5}}};
  EXPECT_EQ(told.known_since(std::vector{partition(0), partition(1), partition(2)}, 401), expected);
}

TEST(AcknowledgedEnds, are_forgotten_when_there_are_many) {
  AcknowledgedEnds told;
  for (int32_t i = 0; i <= static_cast<int32_t>(AcknowledgedEnds::kMost); ++i)
    told.note({{partition(i), Offset{1}}}, i);
  EXPECT_FALSE(told.since(std::vector{partition(0)}, 0));
  EXPECT_TRUE(told.since(std::vector{partition(static_cast<int32_t>(AcknowledgedEnds::kMost))}, 0));
}

}  // namespace
}  // namespace server
