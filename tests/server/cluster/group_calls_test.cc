#include "server/cluster/group_calls.h"

#include <gtest/gtest.h>

#include <deque>
#include <optional>

using namespace server;

namespace {

constexpr NodeId kTwo{2}, kThree{3}, kFour{4};

coordinator::GroupProgress group(const std::string& id, size_t partitions = 0) {
  coordinator::GroupProgress group;
  group.group_id = id;
  group.partitions.resize(partitions);
  return group;
}

class GroupCallsTest : public ::testing::Test {
 protected:
  void ask() {
    calls.ask([this](GroupCalls::Told all) { told = std::move(all); });
    if (!sent.empty()) number = std::get<AskGroups>(sent.back().second).number;
  }
  void tell(NodeId from, const std::string& id, bool is_whole = true) {
    calls.on_message(from, GroupsReported{number, is_whole, {group(id)}});
  }

  SimulatedClock clock{1'700'000'000'000};
  std::deque<std::pair<NodeId, ClusterMessage>> sent;
  std::set<NodeId> others{kTwo, kThree}, reached{kTwo, kThree};
  GroupCalls::Groups own;
  uint64_t number = 0;
  std::optional<GroupCalls::Told> told;
  GroupCalls calls{
      {.clock = clock,
       .send = [this](NodeId to, ClusterMessage message) { sent.emplace_back(to, message); },
       .others = [this] { return others; },
       .reached = [this] { return reached; },
       .own = [this](const auto& done) { done(own); }}};
};

}  // namespace

TEST_F(GroupCallsTest, TheGroupsOfAllOthersCome) {
  ask();
  ASSERT_EQ(sent.size(), 2U);
  tell(kTwo, "a");
  tell(kTwo, "a");
  EXPECT_FALSE(told);
  tell(kThree, "b");
  ASSERT_TRUE(told);
  ASSERT_EQ(told->groups.size(), 2U);
  EXPECT_EQ(told->groups[1].group_id, "b");
  EXPECT_TRUE(told->incomplete.empty());
}

TEST_F(GroupCallsTest, ASilentNodeIsNamed) {
  others.insert(kFour);  // the fourth node does not answer
  ask();
  ASSERT_EQ(sent.size(), 2U);
  tell(kTwo, "a");
  clock.advance_us(1'100'000);
  calls.tick();
  ASSERT_TRUE(told);
  EXPECT_EQ(told->groups.size(), 1U);
  EXPECT_EQ(told->incomplete, (std::set<NodeId>{kThree, kFour}));
  told.reset();
  tell(kThree, "late");
  calls.tick();
  EXPECT_FALSE(told);
}

TEST_F(GroupCallsTest, WithoutAReachableNodeTheAnswerIsImmediate) {
  reached.clear();
  ask();
  ASSERT_TRUE(told);
  EXPECT_EQ(told->incomplete, others);
}

TEST_F(GroupCallsTest, ANodeWithTooManyGroupsListsSomeAndReportsIt) {
  for (int i = 0; i < 3; ++i) own.push_back(group(std::to_string(i), 40'000));
  calls.on_message(kTwo, AskGroups{7});
  ASSERT_EQ(sent.size(), 1U);
  const auto& answer = std::get<GroupsReported>(sent[0].second);
  EXPECT_EQ(answer.number, 7U);
  EXPECT_FALSE(answer.is_whole);
  EXPECT_EQ(answer.groups.size(), 2U);
  ask();
  tell(kTwo, "a", false);
  tell(kThree, "b");
  ASSERT_TRUE(told);
  EXPECT_EQ(told->incomplete, std::set<NodeId>{kTwo});
}
