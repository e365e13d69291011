#include "server/coordinator/assignors.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

using namespace server::coordinator;

namespace {

Uuid topic(uint8_t number) {
  Uuid id;
  id.bytes[15] = number;
  return id;
}

// Checks that every partition of a topic is assigned to exactly one of its subscribers, and no other partition
// is assigned.
void expect_whole(const AssignorInput& input, const std::vector<AssignedPartitions>& assigned) {
  std::set<TopicIdPartition> all;
  for (size_t i = 0; i < assigned.size(); ++i) {
    EXPECT_TRUE(std::ranges::is_sorted(assigned[i]));
    for (const TopicIdPartition& each : assigned[i]) {
      EXPECT_TRUE(all.insert(each).second) << "assigned twice";
      const auto of = std::ranges::find(input.topics, each.topic_id, &SubscribedTopic::id);
      ASSERT_NE(of, input.topics.end());
      EXPECT_TRUE(std::ranges::binary_search(of->members, i));
    }
  }
  size_t count = 0;
  for (const SubscribedTopic& each : input.topics)
    count += static_cast<size_t>(each.partition_count);
  EXPECT_EQ(all.size(), count);
}

size_t moved(const AssignorInput& input, const std::vector<AssignedPartitions>& assigned) {
  size_t count = 0;
  for (size_t i = 0; i < assigned.size(); ++i) count += minus(input.before[i], assigned[i]).size();
  return count;
}

}  // namespace

TEST(Assignors, uniform_gives_everybody_the_same_number) {
  AssignorInput input{std::vector<AssignedPartitions>(3),
                      {{topic(1), 4, {0, 1, 2}}, {topic(2), 4, {0, 1, 2}}}};
  const auto assigned = assign_uniform(input);
  expect_whole(input, assigned);
  EXPECT_EQ(assigned[0].size() + assigned[1].size() + assigned[2].size(), 8u);
  for (const auto& each : assigned) EXPECT_GE(each.size(), 2u);
}

TEST(Assignors, uniform_moves_only_the_partitions_that_a_new_member_needs) {
  AssignorInput input{std::vector<AssignedPartitions>(2), {{topic(1), 9, {0, 1}}}};
  const auto before = assign_uniform(input);
  input.before = {before[0], before[1], {}};
  input.topics[0].members = {0, 1, 2};
  const auto assigned = assign_uniform(input);
  expect_whole(input, assigned);
  EXPECT_EQ(moved(input, assigned), 3u);
  for (const auto& each : assigned) EXPECT_EQ(each.size(), 3u);
}

TEST(Assignors, uniform_leaves_the_others_alone_when_one_goes) {
  AssignorInput input{std::vector<AssignedPartitions>(3), {{topic(1), 9, {0, 1, 2}}}};
  const auto before = assign_uniform(input);
  input.before = {before[0], before[2]};
  input.topics[0].members = {0, 1};
  const auto assigned = assign_uniform(input);
  expect_whole(input, assigned);
  EXPECT_EQ(moved(input, assigned), 0u);
}

TEST(Assignors, more_members_than_partitions_leave_the_rest_idle) {
  AssignorInput input{std::vector<AssignedPartitions>(5), {{topic(1), 3, {0, 1, 2, 3, 4}}}};
  for (const Assignor assignor : {assign_uniform, assign_range}) {
    const auto assigned = assignor(input);
    expect_whole(input, assigned);
    for (const auto& each : assigned) EXPECT_LE(each.size(), 1u);
  }
}

TEST(Assignors, range_gives_neighbours_and_the_same_ones_of_topics_alike) {
  AssignorInput input{std::vector<AssignedPartitions>(2),
                      {{topic(1), 5, {0, 1}}, {topic(2), 5, {0, 1}}, {topic(3), 1, {1}}}};
  const auto assigned = assign_range(input);
  expect_whole(input, assigned);
  EXPECT_EQ(assigned[0], (AssignedPartitions{{topic(1), 0},
                                             {topic(1), 1},
                                             {topic(1), 2},
                                             {topic(2), 0},
                                             {topic(2), 1},
                                             {topic(2), 2}}));
}

// Members with different subscriptions join and leave. No member may have two partitions more than another member that
// could have one of them.
TEST(Assignors, uniform_is_whole_and_balanced_for_any_subscriptions) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    AssignorInput input;
    const size_t members = 1 + random() % 8;
    input.before.resize(members);
    for (uint8_t i = 0; i < 1 + random() % 6; ++i) {
      SubscribedTopic each{topic(i), static_cast<int32_t>(random() % 10), {}};
      for (size_t member = 0; member < members; ++member)
        if (random() % 3 > 0) each.members.push_back(member);
      if (!each.members.empty()) input.topics.push_back(each);
    }
    for (int change = 0; change < 3; ++change) {
      const auto assigned = assign_uniform(input);
      expect_whole(input, assigned);
      for (const SubscribedTopic& each : input.topics)
        for (const size_t a : each.members)
          for (const size_t b : each.members) {
            const bool has_one = std::ranges::any_of(
                assigned[a], [&](const auto& one) { return one.topic_id == each.id; });
            if (has_one) {
              EXPECT_LT(assigned[a].size(), assigned[b].size() + 2);
            }
          }
      expect_whole(input, assign_range(input));
      input.before = assigned;
      for (SubscribedTopic& each : input.topics)
        each.partition_count += static_cast<int32_t>(random() % 3);
    }
  }
}

TEST(Assignors, two_members_with_the_same_partition_do_not_both_keep_it) {
  AssignorInput input{{{{topic(1), 0}}, {{topic(1), 0}}}, {{topic(1), 2, {0, 1}}}};
  expect_whole(input, assign_uniform(input));
}
