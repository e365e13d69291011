#include "server/tasks/subscriptions.h"

#include <gtest/gtest.h>

namespace server {
namespace {

using Partitions = std::vector<storage::TopicPartition>;

storage::TopicPartition partition(uint8_t topic, int32_t number = 0) {
  Uuid id;
  id.bytes[0] = topic;
  return {id, PartitionId(number)};
}

TEST(Subscriptions, only_the_shards_that_read_a_partition_are_notified) {
  Subscriptions subscriptions;
  subscriptions.add(partition(1), 0);
  subscriptions.add(partition(2), 1);
  const auto told = subscriptions.readers_of(Partitions{partition(1), partition(3)}, 3);
  ASSERT_EQ(told.size(), 3u);
  EXPECT_EQ(told[0], Partitions{partition(1)});
  EXPECT_TRUE(told[1].empty());
  EXPECT_TRUE(told[2].empty());
}

TEST(Subscriptions, a_shard_hears_of_a_partition_once_however_many_of_its_tasks_read_it) {
  Subscriptions subscriptions;
  for (int i = 0; i < 3; ++i) subscriptions.add(partition(1), 1);
  subscriptions.add(partition(1), 0);
  const auto told = subscriptions.readers_of(Partitions{partition(1)}, 2);
  EXPECT_EQ(told[0], Partitions{partition(1)});
  EXPECT_EQ(told[1], Partitions{partition(1)});
}

TEST(Subscriptions, each_removal_takes_one_subscription_away) {
  Subscriptions subscriptions;
  subscriptions.add(partition(1), 0);
  subscriptions.add(partition(1), 0);
  subscriptions.remove(partition(1), 0);
  EXPECT_EQ(subscriptions.readers_of(Partitions{partition(1)}, 1)[0], Partitions{partition(1)});
  subscriptions.remove(partition(1), 0);
  EXPECT_TRUE(subscriptions.readers_of(Partitions{partition(1)}, 1)[0].empty());
}

TEST(Subscriptions, partitions_of_a_topic_are_apart) {
  Subscriptions subscriptions;
  subscriptions.add(partition(1, 0), 0);
  subscriptions.add(partition(1, 1), 1);
  const auto told = subscriptions.readers_of(Partitions{partition(1, 1)}, 2);
  EXPECT_TRUE(told[0].empty());
  EXPECT_EQ(told[1], (Partitions{partition(1, 1)}));
}

}  // namespace
}  // namespace server
