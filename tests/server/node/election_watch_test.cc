#include <gtest/gtest.h>

#include <vector>

#include "server/node/cluster_parts.h"

namespace server {
namespace {

const storage::TopicPartition kOne{Uuid{{1}}, PartitionId{0}}, kTwo{Uuid{{1}}, PartitionId{1}};

TEST(ElectionWatchTest, each_election_is_reported_once) {
  storage::UncleanElections elections;
  elections.set(kOne, {LeaderEpoch{2}, Revision{5}});
  ElectionWatch watch;
  watch.told_until(elections);
  EXPECT_TRUE(watch.take_new(elections, std::vector{kOne, kTwo}).empty()) << "known at the start";
  elections.set(kTwo, {LeaderEpoch{1}, Revision{6}});
  EXPECT_EQ(watch.take_new(elections, std::vector{kOne, kTwo}), std::vector{kTwo});
  EXPECT_TRUE(watch.take_new(elections, std::vector{kOne, kTwo}).empty()) << "the ISR has changed";
  elections.set(kOne, {LeaderEpoch{4}, Revision{9}});
  EXPECT_EQ(watch.take_new(elections, std::vector{kOne}), std::vector{kOne});
}

}  // namespace
}  // namespace server
