// Tests groups of the consumer protocol (KIP-848): epochs, reconciliation, fencing, time-outs, and the state after a
// restart.
#include "server/coordinator/consumer_group.h"

#include <fmt/format.h>

#include "server/coordinator/consumer_protocol.h"
#include "tests/server/coordinator/consumer_group_fixture.h"

using namespace server::coordinator;

TEST_F(ConsumerGroupTest, the_first_member_gets_everything) {
  const auto joined = join("a");
  EXPECT_EQ(joined.error, KafkaError::None);
  EXPECT_EQ(joined.member_id, "a");
  EXPECT_EQ(joined.member_epoch, 1);
  EXPECT_EQ(joined.heartbeat_interval_ms, 5'000);
  EXPECT_EQ(numbers(joined), (std::vector<int32_t>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(described().state, "Stable");
  // If nothing has changed, the answer has no assignment and no record is written.
  const int appends = port.appends;
  const auto again = beat("a", 1);
  EXPECT_EQ(again.member_epoch, 1);
  EXPECT_FALSE(again.assignment);
  EXPECT_EQ(port.appends, appends);
}

TEST_F(ConsumerGroupTest, partitions_go_to_another_when_they_were_given_up) {
  join("a");
  const auto second = join("b");
  EXPECT_EQ(second.member_epoch, 2);
  EXPECT_EQ(numbers(second), std::vector<int32_t>());  // the first member has all partitions
  EXPECT_EQ(described().state, "Reconciling");
  const auto told = beat("a", 1);
  EXPECT_EQ(told.member_epoch, 1);  // stays until the revoked partitions are given up
  EXPECT_EQ(numbers(told).size(), 3u);
  EXPECT_FALSE(beat("b", 2).assignment);
  const auto gave_up = beat("a", 1, numbers(told));
  EXPECT_EQ(gave_up.member_epoch, 2);
  const auto got = beat("b", 2, std::vector<int32_t>());
  EXPECT_EQ(got.member_epoch, 2);
  EXPECT_EQ(numbers(got).size(), 3u);
  EXPECT_EQ(described().state, "Stable");
  expect_disjoint();
}

TEST_F(ConsumerGroupTest, a_member_that_does_not_give_up_its_partitions_in_time_is_removed) {
  join("a");
  join("b");
  beat("a", 1);
  for (int i = 0; i < 6; ++i) {
    pass_ms(9'000);
    EXPECT_EQ(beat("a", 1).error, KafkaError::None) << i;
    EXPECT_FALSE(beat("b", 2).assignment);
  }
  pass_ms(9'000);
  EXPECT_EQ(numbers(beat("b", 2)).size(), 6u);
  EXPECT_EQ(beat("a", 1).error, kUnknownMemberId);
}

TEST_F(ConsumerGroupTest, settings_of_the_group_come_before_the_servers) {
  configs = std::make_shared<const storage::GroupConfigs>(storage::GroupConfigs{
      {"g",
       {{"consumer.session.timeout.ms", "60000"}, {"consumer.heartbeat.interval.ms", "9000"}}}});
  const auto joined = join("a");
  EXPECT_EQ(joined.heartbeat_interval_ms, 9'000);
  pass_ms(59'000);
  EXPECT_EQ(described().members.size(), 1u);
  pass_ms(1'500);
  EXPECT_TRUE(described().members.empty());
  configs = std::make_shared<const storage::GroupConfigs>();
  EXPECT_EQ(join("b").heartbeat_interval_ms, settings.consumer_heartbeat_interval_ms);
}

TEST_F(ConsumerGroupTest, a_silent_member_is_removed_when_its_session_ends) {
  join("a");
  pass_ms(44'000);
  EXPECT_EQ(beat("a", 1).error, KafkaError::None);
  pass_ms(44'000);
  EXPECT_EQ(beat("a", 1).error, KafkaError::None);
  pass_ms(46'000);
  EXPECT_EQ(beat("a", 1).error, kUnknownMemberId);
  EXPECT_EQ(described().state, "Empty");
}

TEST_F(ConsumerGroupTest, a_leaving_member_hands_its_partitions_over_at_once) {
  join("a");
  join("b");
  beat("a", 1);
  EXPECT_EQ(beat("a", kLeavesForGood).member_epoch, -1);
  EXPECT_EQ(numbers(beat("b", 2, std::vector<int32_t>())).size(), 6u);
}

TEST_F(ConsumerGroupTest, a_member_is_fenced_by_its_epoch) {
  join("a");
  EXPECT_EQ(beat("a", 7).error, kFencedMemberEpoch);
  EXPECT_EQ(beat("nobody", 1).error, kUnknownMemberId);
  join("b");
  const auto kept = numbers(beat("a", 1));
  beat("a", 1, kept);  // the answer is lost, so the member does not know that it is in epoch 2
  // A request with the previous epoch is accepted only if it reports partitions, and all of them are the member's.
  EXPECT_EQ(beat("a", 1).error, kFencedMemberEpoch);
  EXPECT_EQ(beat("a", 1, std::vector<int32_t>{0, 1, 2, 3, 4, 5}).error, kFencedMemberEpoch);
  EXPECT_EQ(beat("a", 1, kept).member_epoch, 2);
  // A fenced member joins again with its id, and has no partitions.
  const auto again = join("a");
  EXPECT_EQ(again.error, KafkaError::None);
  EXPECT_EQ(described().members.size(), 2u);
}

TEST_F(ConsumerGroupTest, a_lost_answer_to_a_join_is_repeated) {
  const auto first = join("a");
  const auto again = join("a");
  EXPECT_EQ(again.member_epoch, 1);
  EXPECT_EQ(numbers(again), numbers(first));
}

TEST_F(ConsumerGroupTest, requests_that_no_member_sends_are_refused) {
  const auto refused = [&](auto change) {
    auto request = join_request("a");
    change(request);
    return ask_group(request).error;
  };
  EXPECT_EQ(refused([](auto& r) { r.group_id = ""; }), kInvalidGroupId);
  EXPECT_EQ(refused([](auto& r) { r.instance_id = ""; }), KafkaError::InvalidRequest);
  EXPECT_EQ(refused([](auto& r) { r.rebalance_timeout_ms = -1; }), KafkaError::InvalidRequest);
  EXPECT_EQ(refused([](auto& r) { r.topics.reset(); }), KafkaError::InvalidRequest);
  EXPECT_EQ(refused([](auto& r) { r.owned.reset(); }), KafkaError::InvalidRequest);
  EXPECT_EQ(refused([](auto& r) { r.member_epoch = -3; }), KafkaError::InvalidRequest);
  EXPECT_EQ(refused([](auto& r) { r.member_epoch = -2; }), KafkaError::InvalidRequest);
  EXPECT_EQ(refused([](auto& r) { r.assignor = "sticky"; }), kUnsupportedAssignor);
  EXPECT_EQ(refused([](auto& r) { r.member_epoch = 3; }), kGroupIdNotFound);
  EXPECT_EQ(refused([](auto& r) { r.makes_member_id = true, r.member_id = ""; }),
            KafkaError::InvalidRequest);
  EXPECT_TRUE(partition().list().empty());
  // Before KIP-1082 the coordinator chose the member id.
  EXPECT_FALSE(ask_group(join_request("")).member_id.empty());
}

TEST_F(ConsumerGroupTest, a_topic_that_grows_or_comes_is_divided_too) {
  auto request = join_request("a");
  request.topics = {"later", "t"};
  ask_group(request);
  make_topic("later", 2);
  auto told = beat("a", 1);
  EXPECT_EQ(told.assignment.value().size(), 8u);
  EXPECT_EQ(told.member_epoch, 2);
  const auto grown = storage::encode_grow_topic(topics.snapshot()->find("t")->id, 9);
  ASSERT_TRUE(topics.apply(grown));
  told = beat("a", 2);
  EXPECT_EQ(told.assignment.value().size(), 11u);
  delete_topic("later");
  // A member must give up deleted partitions, too.
  told = beat("a", 3);
  EXPECT_EQ(told.assignment.value().size(), 9u);
}

TEST_F(ConsumerGroupTest, a_pattern_finds_existing_and_later_topics) {
  make_topic("orders_eu", 1);
  make_topic("__consumer_offsets", 1);
  auto request = join_request("a");
  request.topics.reset();
  request.regex = "orders_.*|__.*";
  EXPECT_EQ(ask_group(request).assignment.value().size(), 1u);
  make_topic("orders_us", 2);
  make_topic("reorders_us", 2);
  EXPECT_EQ(beat("a", 1).assignment.value().size(), 3u);
  EXPECT_EQ(described().members.at(0).regex, "orders_.*|__.*");
  lead();
  make_topic("orders_asia", 1);
  EXPECT_EQ(beat("a", 2).assignment.value().size(), 4u);
  request.member_id = "b";
  request.regex = "orders_(";
  EXPECT_EQ(ask_group(request).error, kInvalidRegularExpression);
  // the regular expression needs more memory than is allowed
  request.regex = "((a{1,100}){1,100}){1,100}";
  EXPECT_EQ(ask_group(request).error, kInvalidRegularExpression);
  EXPECT_EQ(described().members.size(), 1u);
}

TEST_F(ConsumerGroupTest, the_assignor_that_most_ask_for_divides) {
  auto request = join_request("a");
  request.assignor = "range";
  ask_group(request);
  EXPECT_EQ(described().assignor, "range");
  request.member_id = "b";
  request.assignor = "uniform";
  ask_group(request);
  request.member_id = "c";
  ask_group(request);
  EXPECT_EQ(described().assignor, "uniform");
}

TEST_F(ConsumerGroupTest, an_instance_keeps_its_place_while_it_is_away) {
  auto request = join_request("a");
  request.instance_id = "i";
  ask_group(request);
  join("b");
  request.member_id = "a2";
  EXPECT_EQ(ask_group(request).error, kUnreleasedInstanceId);
  const auto kept = numbers(beat("a", 1));
  beat("a", 1, kept);
  beat("b", 2, std::vector<int32_t>());
  auto leaving = beat_request("a", kLeavesForAWhile);
  EXPECT_EQ(ask_group(leaving).error, KafkaError::InvalidRequest);
  leaving.instance_id = "i";
  EXPECT_EQ(ask_group(leaving).member_epoch, kLeavesForAWhile);
  lead();
  EXPECT_EQ(described().epoch, 2);
  const auto back = ask_group(request);
  EXPECT_EQ(back.error, KafkaError::None);
  EXPECT_EQ(numbers(back), kept);
  EXPECT_EQ(back.member_epoch, 2);  // the epoch does not change, because no other member has to act
  auto old = beat_request("a", 2);
  old.instance_id = "i";
  EXPECT_EQ(ask_group(old).error, kFencedInstanceId);
  EXPECT_EQ(described().members.size(), 2u);
}

TEST_F(ConsumerGroupTest, an_instance_that_does_not_come_back_is_out_in_the_end) {
  auto request = join_request("a");
  request.instance_id = "i";
  ask_group(request);
  auto leaving = beat_request("a", kLeavesForAWhile);
  leaving.instance_id = "i";
  ask_group(leaving);
  pass_ms(46'000);
  EXPECT_TRUE(described().members.empty());
}

TEST_F(ConsumerGroupTest, offsets_are_taken_from_members_in_their_epoch) {
  const auto as = [&](const std::string& member, int32_t epoch, bool knows = true) {
    CommitOffsets request = commit_request(5);
    request.member_id = member;
    request.generation = epoch;
    request.knows_member_epochs = knows;
    return commit(request);
  };
  EXPECT_EQ(as("a", 1), kGroupIdNotFound);
  join("a");
  EXPECT_EQ(as("a", 1), KafkaError::None);
  EXPECT_EQ(as("a", 0), kStaleMemberEpoch);
  EXPECT_EQ(as("b", 1), kUnknownMemberId);
  EXPECT_EQ(as("", -1), kUnknownMemberId);  // sent by an administrator while the group has members
  EXPECT_EQ(as("a", 1, false), kUnsupportedVersion);
  FetchOffsets fetch{.group_id = "g", .member_id = "a", .member_epoch = 1};
  EXPECT_EQ(ask(fetch).error, KafkaError::None);
  fetch.member_epoch = 2;
  EXPECT_EQ(ask(fetch).error, kStaleMemberEpoch);
  fetch.member_id = "b";
  EXPECT_EQ(ask(fetch).error, kUnknownMemberId);
  fetch.member_id.reset();
  fetch.member_epoch = -1;
  EXPECT_EQ(ask(fetch).error, KafkaError::None);
  beat("a", kLeavesForGood);
  EXPECT_EQ(as("", -1), KafkaError::None);
}

TEST_F(ConsumerGroupTest, a_restart_finds_the_group_as_it_was) {
  join("a");
  join("b");
  const auto kept = numbers(beat("a", 1));
  const ConsumerGroupDescription before = described();
  lead();
  const ConsumerGroupDescription after = described();
  EXPECT_EQ(after.state, before.state);
  EXPECT_EQ(after.epoch, before.epoch);
  EXPECT_EQ(after.assignment_epoch, before.assignment_epoch);
  ASSERT_EQ(after.members.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(after.members[i].id, before.members[i].id);
    EXPECT_EQ(after.members[i].epoch, before.members[i].epoch);
    EXPECT_EQ(after.members[i].topics, before.members[i].topics);
    EXPECT_EQ(after.members[i].assigned, before.members[i].assigned);
    EXPECT_EQ(after.members[i].target, before.members[i].target);
  }
  EXPECT_EQ(beat("a", 1, kept).member_epoch, 2);
  EXPECT_EQ(numbers(beat("b", 2, std::vector<int32_t>())).size(), 3u);
  pass_ms(46'000);
  EXPECT_EQ(described().state, "Empty");
}

TEST_F(ConsumerGroupTest, answers_are_durable) {
  port.holds_appends = true;
  const auto first = begin(join_request("a"));
  // a real client would not know its epoch at this point
  const auto second = begin(beat_request("a", 1));
  EXPECT_FALSE(first->has_value());
  EXPECT_FALSE(second->has_value());
  port.holds_appends = false;
  settle();
  EXPECT_TRUE(first->has_value());
  EXPECT_TRUE(second->has_value());
}

TEST_F(ConsumerGroupTest, changes_that_could_not_be_stored_are_stored_with_the_next_one) {
  join("a");
  port.holds_appends = true;
  const auto second = begin(join_request("b"));
  port.fail_append({ErrorCode::DiskFull, "full"});
  settle();
  EXPECT_NE((*second)->error, KafkaError::None);
  const auto gone = begin(beat_request("b", kLeavesForGood));
  port.fail_append({ErrorCode::DiskFull, "full"});
  port.holds_appends = false;
  settle();
  beat("a", 1);
  const int32_t epoch = described().epoch;
  lead();
  EXPECT_EQ(described().epoch, epoch);
  EXPECT_EQ(described().members.size(), 1u);
}

// The log first has no room for the record of a new group epoch, and then none for the records of
// its assignment.
TEST_F(ConsumerGroupTest, an_epoch_that_was_lost_is_not_used_for_other_members) {
  join("a");
  join("b");
  beat("a", 1);
  beat("a", 1, std::vector{0, 1, 2});
  port.holds_appends = true;
  begin(beat_request("b", kLeavesForGood));
  const auto divided = begin(beat_request("a", 2));
  port.fail_append({ErrorCode::DiskFull, "full"});
  port.holds_appends = false;
  settle();
  ASSERT_EQ((*divided)->member_epoch, 3);
  lead();
  join("c");
  const auto group = described();
  ASSERT_EQ(group.members.size(), 3u);
  EXPECT_EQ(group.members[2].id, "c");
  EXPECT_FALSE(group.members[2].target.empty());
}

TEST_F(ConsumerGroupTest, administrators_see_list_and_delete_it) {
  join("a");
  ASSERT_EQ(partition().list().size(), 1u);
  EXPECT_EQ(partition().list()[0].type, "consumer");
  EXPECT_EQ(partition().list()[0].protocol_type, "consumer");
  EXPECT_EQ(partition().list()[0].state, "Stable");
  // DescribeGroup describes a consumer group in the classic form, for clients that know only the
  // classic protocol.
  const GroupDescription classic = ask(DescribeGroup{"g"});
  ASSERT_EQ(classic.members.size(), 1u);
  EXPECT_EQ(read_assignment(classic.members[0].assignment, *topics.snapshot()).size(), 6u);
  const auto progress = partition().progress();
  ASSERT_EQ(progress.size(), 1u);
  EXPECT_EQ(progress[0].members, 1u);
  EXPECT_EQ(progress[0].partitions.size(), 6u);
  EXPECT_EQ(progress[0].partitions[0].member, "a");
  EXPECT_EQ(ask(DeleteOffsets{"g", {{"t", {0}}}}).topics.at(0).second.at(0).error,
            kGroupSubscribedToTopic);
  EXPECT_EQ(ask(DeleteGroup{"g"}).error, kNonEmptyGroup);
  beat("a", kLeavesForGood);
  EXPECT_EQ(ask(DeleteGroup{"g"}).error, KafkaError::None);
  EXPECT_TRUE(partition().list().empty());
  lead();
  EXPECT_TRUE(partition().list().empty());
  EXPECT_EQ(described().error, kGroupIdNotFound);
}

TEST_F(ConsumerGroupTest, a_group_has_a_bound) {
  settings.consumer_max_size = 1;
  join("a");
  EXPECT_EQ(join("b").error, kGroupMaxSizeReached);
  auto request = join_request("a");
  request.topics = std::vector<std::string>{};
  for (int i = 0; i < 200'000; ++i) request.topics->push_back(fmt::format("topic{:08}", i));
  request.topics->push_back("t");
  settings.consumer_max_size = 10;
  request.member_id = "c";
  EXPECT_EQ(ask_group(request).error, kGroupMaxSizeReached);
  EXPECT_EQ(described().members.size(), 1u);
  shard->resign_all();
  EXPECT_EQ(shard->state_bytes(), 0u);
}
