#include "server/coordinator/classic_group.h"

#include <fmt/format.h>

#include "server/coordinator/key_partition.h"
#include "tests/server/coordinator/group_test.h"

using namespace server::coordinator;

namespace {

using ClassicGroupTest = GroupTest;

}  // namespace

TEST_F(ClassicGroupTest, the_first_member_waits_for_others_and_leads) {
  const auto first = begin(join_request("", "first"));
  pass_ms(200);
  EXPECT_FALSE(first->has_value());
  const auto second = begin(join_request("", "second"));
  pass_ms(300);
  EXPECT_FALSE(first->has_value()) << "another one came, so that there may be more";
  pass_ms(300);
  ASSERT_TRUE(first->has_value() && second->has_value());
  EXPECT_EQ((*first)->generation, 1);
  EXPECT_EQ((*first)->protocol_name, "range");
  EXPECT_EQ((*first)->leader, (*first)->member_id);
  EXPECT_EQ((*second)->leader, (*first)->member_id);
  ASSERT_EQ((*first)->members.size(), 2u);
  EXPECT_TRUE((*second)->members.empty()) << "only the leader divides the work";
  EXPECT_EQ((*first)->members[0].metadata, "first");
  EXPECT_TRUE((*first)->member_id.starts_with("client-"));
}

TEST_F(ClassicGroupTest, assignments_are_sent_when_they_are_durable) {
  const auto first = begin(join_request());
  const auto second = begin(join_request());
  pass_ms(1'000);
  const std::string leader = (*first)->member_id, other = (*second)->member_id;
  const auto follower = begin(sync_request(other, 1));
  EXPECT_FALSE(follower->has_value());
  port.holds_appends = true;
  const auto lead = begin(sync_request(leader, 1, {{leader, "a"}, {other, "b"}}));
  EXPECT_FALSE(lead->has_value());
  EXPECT_EQ(state(), "CompletingRebalance");
  port.holds_appends = false;
  settle();
  ASSERT_TRUE(lead->has_value() && follower->has_value());
  EXPECT_EQ((*lead)->assignment, "a");
  EXPECT_EQ((*follower)->assignment, "b");
  EXPECT_EQ(state(), "Stable");
  EXPECT_EQ(ask(sync_request(other, 1)).assignment, "b");
}

TEST_F(ClassicGroupTest, after_an_assignment_that_cannot_be_stored_the_group_rebalances) {
  const auto first = begin(join_request());
  pass_ms(1'000);
  port.holds_appends = true;
  const auto sync = begin(sync_request((*first)->member_id, 1));
  port.fail_append({ErrorCode::DiskFull, "full"});
  ASSERT_TRUE(sync->has_value());
  EXPECT_EQ((*sync)->error, KafkaError::CoordinatorNotAvailable);
  EXPECT_EQ(state(), "PreparingRebalance");
}

TEST_F(ClassicGroupTest, a_new_member_has_to_come_again_with_its_id) {
  JoinGroup request = join_request();
  request.needs_member_id = true;
  const JoinedGroup told = ask(request);
  EXPECT_EQ(told.error, kMemberIdRequired);
  ASSERT_FALSE(told.member_id.empty());
  request.member_id = told.member_id;
  const auto joined = begin(request);
  pass_ms(1'000);
  ASSERT_TRUE(joined->has_value());
  EXPECT_EQ((*joined)->error, KafkaError::None);
  EXPECT_EQ((*joined)->member_id, told.member_id);
}

TEST_F(ClassicGroupTest, an_unused_member_id_is_forgotten) {
  JoinGroup request = join_request();
  request.needs_member_id = true;
  request.member_id = ask(request).member_id;
  pass_ms(request.session_timeout_ms);
  EXPECT_EQ(ask(request).error, kUnknownMemberId);
}

TEST_F(ClassicGroupTest, unused_member_ids_are_bounded) {
  JoinGroup request = join_request();
  request.needs_member_id = true;
  request.session_timeout_ms = 1'800'000;
  const std::string first = ask(request).member_id;
  std::string last;
  for (size_t i = 0; i < kMaxPendingMembers; ++i) last = ask(request).member_id;
  request.member_id = first;
  EXPECT_EQ(ask(request).error, kUnknownMemberId);
  request.member_id = last;
  EXPECT_FALSE(begin(request)->has_value());
}

TEST_F(ClassicGroupTest, a_member_that_is_silent_is_out) {
  const auto members = stable_group(2);
  for (int i = 0; i < 5; ++i) {
    pass_ms(3'000);
    EXPECT_EQ(beat(members[0], 1), i < 3 ? KafkaError::None : kRebalanceInProgress) << i;
  }
  EXPECT_EQ(beat(members[1], 1), kUnknownMemberId);
}

TEST_F(ClassicGroupTest, a_new_member_makes_the_others_join_again) {
  const auto members = stable_group(1);
  const auto joining = begin(join_request());
  EXPECT_FALSE(joining->has_value());
  EXPECT_EQ(beat(members[0], 1), kRebalanceInProgress);
  const JoinedGroup again = ask(join_request(members[0]));
  EXPECT_EQ(again.generation, 2);
  EXPECT_EQ(again.leader, members[0]);
  EXPECT_EQ(again.members.size(), 2u);
  ASSERT_TRUE(joining->has_value());
  EXPECT_EQ((*joining)->generation, 2);
  EXPECT_EQ(beat(members[0], 1), kIllegalGeneration);
}

TEST_F(ClassicGroupTest, a_member_that_does_not_rejoin_in_time_is_removed) {
  const auto members = stable_group(2);
  const auto joined = begin(join_request(members[1], "changed"));
  for (int i = 0; i < 12; ++i) {
    pass_ms(5'000);
    beat(members[0], 1);
  }
  ASSERT_TRUE(joined->has_value());
  EXPECT_EQ((*joined)->leader, members[1]);
  EXPECT_EQ((*joined)->members.size(), 1u);
  EXPECT_EQ(beat(members[0], 2), kUnknownMemberId);
}

TEST_F(ClassicGroupTest, a_member_that_joins_and_never_asks_for_its_assignment_is_removed) {
  const auto first = begin(join_request());
  const auto second = begin(join_request());
  pass_ms(1'000);
  ask(sync_request((*first)->member_id, 1));
  for (int i = 0; i < 12; ++i) {
    pass_ms(5'000);
    beat((*first)->member_id, 1);
    beat((*second)->member_id, 1);
  }
  EXPECT_EQ(beat((*first)->member_id, 1), kRebalanceInProgress);
  EXPECT_EQ(beat((*second)->member_id, 1), kUnknownMemberId);
}

TEST_F(ClassicGroupTest, an_unchanged_member_that_joins_again_gets_its_old_assignment) {
  const auto members = stable_group(2);
  const JoinedGroup same = ask(join_request(members[1]));
  EXPECT_EQ(same.generation, 1);
  EXPECT_TRUE(same.members.empty());
  EXPECT_EQ(state(), "Stable");
  begin(join_request(members[0]));
  EXPECT_EQ(state(), "PreparingRebalance") << "the leader wants to divide the work again";
}

TEST_F(ClassicGroupTest, a_leaving_member_is_removed_and_the_last_one_leaves_the_group_empty) {
  const auto members = stable_group(2);
  LeaveGroup leave;
  leave.group_id = "g";
  leave.members = {{members[0]}, {"nobody"}};
  const LeftGroup left = ask(leave);
  EXPECT_EQ(left.members[0].error, KafkaError::None);
  EXPECT_EQ(left.members[1].error, kUnknownMemberId);
  const JoinedGroup alone = ask(join_request(members[1]));
  EXPECT_EQ(alone.leader, members[1]);
  EXPECT_EQ(alone.generation, 2);
  leave.members = {{members[1]}};
  ask(leave);
  EXPECT_EQ(state(), "Empty");
  EXPECT_EQ(beat(members[1], 3), kUnknownMemberId);
}

TEST_F(ClassicGroupTest, the_leave_of_the_last_member_is_durable_when_it_is_answered) {
  const auto members = stable_group(1);
  LeaveGroup leave;
  leave.group_id = "g";
  leave.members = {{members[0]}};
  port.holds_appends = true;
  const auto left = begin(leave);
  EXPECT_FALSE(left->has_value());
  port.holds_appends = false;
  settle();
  ASSERT_TRUE(left->has_value());
  lead();
  EXPECT_EQ(state(), "Empty");
}

TEST_F(ClassicGroupTest, the_protocol_is_one_that_all_know) {
  JoinGroup one = join_request(), two = join_request();
  one.protocols = {{"sticky", ""}, {"range", ""}, {"roundrobin", ""}};
  two.protocols = {{"roundrobin", ""}, {"range", ""}};
  const auto first = begin(one), second = begin(two), third = begin(two);
  pass_ms(2'000);
  ASSERT_TRUE(first->has_value());
  EXPECT_EQ((*first)->protocol_name, "roundrobin") << "two votes against one";
  JoinGroup other = join_request();
  other.protocols = {{"sticky", ""}};
  EXPECT_EQ(ask(other).error, kInconsistentGroupProtocol);
  other = one;
  other.protocol_type = "connect";
  EXPECT_EQ(ask(other).error, kInconsistentGroupProtocol);
}

TEST_F(ClassicGroupTest, a_full_group_refuses_further_members) {
  settings.max_size = 2;
  lead();
  const auto members = stable_group(2);
  EXPECT_EQ(ask(join_request()).error, kGroupMaxSizeReached);
  EXPECT_EQ(state(), "Stable");
}

TEST_F(ClassicGroupTest, invalid_requests_are_refused) {
  JoinGroup join = join_request();
  join.session_timeout_ms = 5'999;
  EXPECT_EQ(ask(join).error, kInvalidSessionTimeout);
  join = join_request("somebody");
  EXPECT_EQ(ask(join).error, kUnknownMemberId);
  join = join_request();
  join.group_id = "";
  EXPECT_EQ(ask(join).error, kInvalidGroupId);
  join.group_id = std::string(kMaxGroupIdBytes + 1, 'g');
  EXPECT_EQ(ask(join).error, kInvalidGroupId);
  join = join_request();
  join.protocols = {};
  EXPECT_EQ(ask(join).error, kInconsistentGroupProtocol);
  join.protocols.resize(251, {"range", ""});
  EXPECT_EQ(ask(join).error, kInconsistentGroupProtocol);
  EXPECT_EQ(beat("nobody", 1), kUnknownMemberId);
  EXPECT_EQ(ask(sync_request("nobody", 1)).error, kUnknownMemberId);
}

TEST_F(ClassicGroupTest, members_cannot_make_a_group_enormous) {
  KafkaError error = KafkaError::None;
  for (int i = 0; i < 20 && error == KafkaError::None; ++i) {
    const auto joining = begin(join_request("", std::string(1 << 20, 'x')));
    if (joining->has_value()) error = (*joining)->error;
  }
  EXPECT_EQ(error, kGroupMaxSizeReached);
}

TEST_F(ClassicGroupTest, all_memory_is_given_back) {
  stable_group(3);
  EXPECT_GT(shard->state_bytes(), 1'000u);
  pass_ms(20'000);
  partition().expire();
  settle();
  EXPECT_EQ(shard->state_bytes(), 0u);
}

TEST_F(ClassicGroupTest, an_instance_that_comes_back_keeps_its_work) {
  JoinGroup request = join_request();
  request.instance_id = "i1";
  const auto joined = begin(request);
  pass_ms(1'000);
  const std::string old_id = (*joined)->member_id;
  EXPECT_TRUE(old_id.starts_with("i1-"));
  SyncGroup sync = sync_request(old_id, 1, {{old_id, "work"}});
  sync.instance_id = "i1";
  EXPECT_EQ(ask(sync).assignment, "work");

  const JoinedGroup back = ask(request);
  EXPECT_EQ(back.generation, 1);
  EXPECT_NE(back.member_id, old_id);
  EXPECT_EQ(back.leader, old_id) << "so that it does not divide the work again";
  EXPECT_EQ(state(), "Stable");
  sync.member_id = back.member_id;
  EXPECT_EQ(ask(sync).assignment, "work");
  sync.member_id = old_id;
  EXPECT_EQ(ask(sync).error, kFencedInstanceId);

  request.can_skip_assignment = true;
  const JoinedGroup leads = ask(request);
  EXPECT_EQ(leads.leader, leads.member_id);
  EXPECT_TRUE(leads.skips_assignment);
  EXPECT_EQ(leads.members.size(), 1u);

  lead();  // a restart: the member that got an answer must be in the log
  EXPECT_EQ(ask(GroupHeartbeat{"g", 1, leads.member_id, "i1"}).error, KafkaError::None);
}

TEST_F(ClassicGroupTest, an_instance_is_removed_by_its_name) {
  JoinGroup request = join_request();
  request.instance_id = "i1";
  begin(request);
  pass_ms(1'000);
  LeaveGroup leave;
  leave.group_id = "g";
  leave.members = {{"", "i2"}, {"", "i1"}};
  const LeftGroup left = ask(leave);
  EXPECT_EQ(left.members[0].error, kUnknownMemberId);
  EXPECT_EQ(left.members[1].error, KafkaError::None);
  EXPECT_EQ(state(), "Empty");
}

TEST_F(ClassicGroupTest, a_stable_group_survives_a_restart) {
  const auto members = stable_group(2);
  lead();
  EXPECT_EQ(state(), "Stable");
  EXPECT_EQ(beat(members[0], 1), KafkaError::None);
  EXPECT_EQ(ask(sync_request(members[1], 1)).assignment, "work of " + members[1]);
  pass_ms(10'000);
  EXPECT_EQ(beat(members[1], 1), kUnknownMemberId) << "its session goes on, too";
}

TEST_F(ClassicGroupTest, waiting_members_get_an_error_when_the_coordinator_moves) {
  const auto joining = begin(join_request());
  partition().resign();
  ASSERT_TRUE(joining->has_value());
  EXPECT_EQ((*joining)->error, kNotCoordinator);
  EXPECT_EQ(partition().unavailable(), kNotCoordinator);
}

TEST_F(ClassicGroupTest, a_member_that_asks_twice_is_answered_twice) {
  const auto members = stable_group(2);
  const auto first = begin(join_request(members[0])), second = begin(join_request(members[0]));
  ASSERT_TRUE(first->has_value());
  EXPECT_EQ((*first)->error, kRebalanceInProgress);
  ask(join_request(members[1]));
  ASSERT_TRUE(second->has_value());
  EXPECT_EQ((*second)->generation, 2);
}

TEST_F(ClassicGroupTest, groups_are_listed_described_and_deleted) {
  stable_group(1);
  const auto listed = partition().list();
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].group_id, "g");
  EXPECT_EQ(listed[0].state, "Stable");
  EXPECT_EQ(listed[0].type, "classic");
  const GroupDescription described = ask(DescribeGroup{"g"});
  EXPECT_EQ(described.protocol_name, "range");
  ASSERT_EQ(described.members.size(), 1u);
  EXPECT_EQ(described.members[0].client_host, "/127.0.0.1");
  EXPECT_EQ(described.members[0].metadata, "m");
  EXPECT_EQ(ask(DescribeGroup{"none"}).state, "Dead");
  EXPECT_EQ(ask(DeleteGroup{"g"}).error, kNonEmptyGroup);
  EXPECT_EQ(ask(DeleteGroup{"none"}).error, kGroupIdNotFound);
  pass_ms(20'000);
  EXPECT_EQ(ask(DeleteGroup{"g"}).error, KafkaError::None);
  EXPECT_TRUE(partition().list().empty());
  lead();
  EXPECT_TRUE(partition().list().empty());
}

TEST_F(ClassicGroupTest, heartbeats_of_a_group_at_rest_need_not_ask_it) {
  const auto members = stable_group(2);
  const GroupHeartbeat beating{"g", 1, members[0], {}};
  const auto pulse = ask(beating).pulse;
  ASSERT_TRUE(pulse);
  for (int i = 0; i < 5; ++i) {
    pass_ms(9'000);
    EXPECT_TRUE(pulse->beat(clock.monotonic_us())) << i;
    beat(members[1], 1);
  }
  pass_ms(9'000);
  beat(members[1], 1);
  EXPECT_EQ(beat(members[0], 1), KafkaError::None) << "it is alive by its pulse alone";
  const auto joining = begin(join_request());
  EXPECT_FALSE(pulse->beat(clock.monotonic_us())) << "now it has to join again";
  EXPECT_EQ(beat(members[0], 1), kRebalanceInProgress);
}

TEST_F(ClassicGroupTest, a_member_without_heartbeats_is_removed_though_it_has_a_pulse) {
  const auto members = stable_group(1);
  const auto pulse = ask(GroupHeartbeat{"g", 1, members[0], {}}).pulse;
  pass_ms(8'000);
  EXPECT_TRUE(pulse->beat(clock.monotonic_us()));
  pass_ms(9'000);
  EXPECT_EQ(state(), "Stable");
  pass_ms(1'000);
  EXPECT_EQ(state(), "Empty");
  EXPECT_FALSE(pulse->beat(clock.monotonic_us()));
}

TEST(MemberPulses, pulses_of_removed_members_are_forgotten) {
  MemberPulses pulses;
  for (int i = 0; i < 10'000; ++i) {
    auto pulse = std::make_shared<MemberPulse>();
    pulse->close();
    pulses.keep(MemberPulses::key("g", fmt::format("{}", i), 1), std::move(pulse));
  }
  EXPECT_LE(pulses.size(), 1'001u);
}

// The expected values are those of Java's String.hashCode() and of Kafka's coordinators.
TEST(PartitionOfGroup, is_kafkas) {
  EXPECT_EQ(partition_of_key("g1", 50), PartitionId(42));  // the hash is 3242
  // the hash is the smallest 32-bit number
  EXPECT_EQ(partition_of_key("polygenelubricants", 50), PartitionId(0));
  EXPECT_EQ(partition_of_key("\xc3\xbc", 50), PartitionId(2));  // U+00FC has the hash 252
  // two UTF-16 units
  EXPECT_EQ(partition_of_key("\xf0\x9f\x98\x80", 1'000'000), PartitionId(772'899));
  EXPECT_EQ(partition_of_key("", 50), PartitionId(0));
}
