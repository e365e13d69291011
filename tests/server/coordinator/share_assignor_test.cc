#include "server/coordinator/share_assignor.h"

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace server::coordinator {

namespace {

Uuid id_of(int number) {
  Uuid id;
  store_be(id.bytes.data(), number);
  return id;
}

TEST(SimpleAssignor, members_share_a_partition_when_there_are_more_of_them) {
  const auto assigned = assign_simple(5, {{id_of(1), 2, {0, 1, 2, 3, 4}}});
  int readers[2] = {};
  for (const AssignedPartitions& each : assigned) {
    ASSERT_EQ(each.size(), 1u);
    ++readers[each[0].partition];
  }
  EXPECT_EQ(readers[0], 3);
  EXPECT_EQ(readers[1], 2);
}

TEST(SimpleAssignor, each_partition_is_read_when_there_are_more_of_these) {
  const auto assigned = assign_simple(2, {{id_of(1), 5, {0, 1}}});
  EXPECT_EQ(assigned[0].size() + assigned[1].size(), 5u);
  EXPECT_EQ(assigned[0].size(), 3u);
}

TEST(SimpleAssignor, topics_of_one_partition_go_to_different_members) {
  const auto assigned = assign_simple(1, {{id_of(1), 1, {0}}, {id_of(2), 1, {0}}});
  EXPECT_EQ(assigned[0].size(), 2u);
  std::vector<SharedTopic> topics;
  for (int i = 1; i <= 3; ++i) topics.push_back({id_of(i), 3, {0, 1, 2}});
  for (const AssignedPartitions& each : assign_simple(3, topics)) EXPECT_EQ(each.size(), 3u);
}

TEST(SimpleAssignor, a_member_without_a_subscription_reads_nothing) {
  const auto assigned = assign_simple(3, {{id_of(1), 2, {1}}, {id_of(2), 0, {0}}});
  EXPECT_TRUE(assigned[0].empty());
  EXPECT_EQ(assigned[1].size(), 2u);
  EXPECT_TRUE(assigned[2].empty());
}

}  // namespace

}  // namespace server::coordinator
