// Tests groups that change from the classic protocol to the consumer protocol and back while their members work
// (KIP-848).
#include "server/coordinator/consumer_protocol.h"
#include "server/coordinator/record_codec.h"
#include "tests/server/coordinator/consumer_group_fixture.h"

using namespace server::coordinator;

namespace {

class GroupMigrationTest : public ConsumerGroupTest {
 protected:
  // Returns the subscription of a cooperative client, with its owned partitions.
  static std::string subscription(const std::vector<int32_t>& owned = {}) {
    RecordWriter out(1);
    out.array(1);
    out.text("t");
    out.null_array();
    out.array(1);
    out.text("t");
    out.array(owned.size());
    for (const int32_t each : owned) out.number(each);
    return out.take();
  }
  std::string assignment(const std::vector<int32_t>& partitions) {
    AssignedPartitions all;
    for (const int32_t each : partitions) all.push_back({topics.snapshot()->find("t")->id, each});
    return write_assignment(all, *topics.snapshot());
  }
  std::vector<int32_t> numbers_of(const std::string& written) {
    std::vector<int32_t> all;
    for_each_assigned(written, [&](const std::string&, int32_t each) { all.push_back(each); });
    return all;
  }
  // Makes a classic group with one member that has all partitions, and returns the member's id.
  std::string classic_member() {
    const auto joining = begin(classic_request("", subscription()));
    pass_ms(settings.initial_rebalance_delay_ms * 2);
    const std::string id = (*joining)->member_id;
    EXPECT_EQ(ask(sync_request(id, 1, {{id, assignment({0, 1, 2, 3, 4, 5})}})).error,
              KafkaError::None);
    return id;
  }
};

}  // namespace

TEST_F(GroupMigrationTest, a_classic_group_goes_on_as_a_consumer_group) {
  const std::string classic = classic_member();
  CommitOffsets committed = commit_request(5);
  committed.member_id = classic;
  committed.generation = 1;
  EXPECT_EQ(commit(committed), KafkaError::None);
  const auto joined = join("new");
  EXPECT_EQ(joined.error, KafkaError::None);
  EXPECT_EQ(joined.member_epoch, 2);
  EXPECT_EQ(numbers(joined), std::vector<int32_t>());
  EXPECT_EQ(partition().list().at(0).type, "consumer");
  // The classic member must rejoin, keeps half of its partitions, and must rejoin once more without the other half.
  EXPECT_EQ(GroupTest::beat(classic, 1), kRebalanceInProgress);
  auto rejoined = ask(classic_request(classic, subscription({0, 1, 2, 3, 4, 5})));
  EXPECT_EQ(rejoined.error, KafkaError::None);
  EXPECT_EQ(rejoined.protocol_name, "range");
  const auto kept = numbers_of(ask(sync_request(classic, rejoined.generation)).assignment);
  EXPECT_EQ(kept.size(), 3u);
  EXPECT_EQ(GroupTest::beat(classic, rejoined.generation), kRebalanceInProgress);
  rejoined = ask(classic_request(classic, subscription(kept)));
  EXPECT_EQ(rejoined.generation, 2);
  EXPECT_EQ(numbers_of(ask(sync_request(classic, 2)).assignment), kept);
  EXPECT_EQ(GroupTest::beat(classic, 2), KafkaError::None);
  EXPECT_EQ(numbers(beat("new", 2, std::vector<int32_t>())).size(), 3u);
  EXPECT_EQ(described().state, "Stable");
  expect_disjoint();
  committed.generation = 1;
  EXPECT_EQ(commit(committed), kIllegalGeneration);
  committed.generation = 2;
  EXPECT_EQ(commit(committed), KafkaError::None);
  lead();
  EXPECT_EQ(partition().list().size(), 1u);
  EXPECT_EQ(described().members.size(), 2u);
  EXPECT_EQ(GroupTest::beat(classic, 2), KafkaError::None);
  EXPECT_EQ(GroupTest::beat("new", 2), kUnknownMemberId);  // "new" uses the consumer protocol
  EXPECT_EQ(committed.generation, 2);
  // The last classic member leaves.
  LeaveGroup leave;
  leave.group_id = "g";
  leave.members = {{classic}};
  EXPECT_EQ(ask(leave).members.at(0).error, KafkaError::None);
  EXPECT_EQ(numbers(beat("new", 2)).size(), 6u);
}

TEST_F(GroupMigrationTest, the_last_consumer_that_leaves_makes_the_group_classic_again) {
  const std::string classic = classic_member();
  join("new");
  auto rejoined =
      // an eager member has given up all its partitions
      ask(classic_request(classic, subscription()));
  EXPECT_EQ(numbers_of(ask(sync_request(classic, rejoined.generation)).assignment).size(), 3u);
  EXPECT_EQ(beat("new", kLeavesForGood).error, KafkaError::None);
  EXPECT_EQ(partition().list().at(0).type, "classic");
  EXPECT_EQ(GroupTest::beat(classic, 2), kRebalanceInProgress);
  rejoined = ask(classic_request(classic, subscription()));
  EXPECT_EQ(rejoined.error, KafkaError::None);
  EXPECT_EQ(rejoined.leader, classic);
  EXPECT_EQ(ask(sync_request(classic, rejoined.generation, {{classic, "all"}})).assignment, "all");
  lead();
  EXPECT_EQ(partition().list().size(), 1u);
  EXPECT_EQ(partition().list().at(0).type, "classic");
  EXPECT_EQ(GroupTest::beat(classic, rejoined.generation), KafkaError::None);
  EXPECT_EQ(described().error, kGroupIdNotFound);
}

TEST_F(GroupMigrationTest, an_instance_comes_back_by_the_other_protocol) {
  auto request = join_request("a");
  request.instance_id = "i";
  ask_group(request);
  join("b");
  JoinGroup classic = classic_request("", subscription());
  classic.instance_id = "i";
  auto joined = ask(classic);
  EXPECT_EQ(joined.error, KafkaError::None);
  EXPECT_EQ(described().members.size(), 2u);
  EXPECT_NE(joined.member_id, "a");
  EXPECT_EQ(numbers_of(ask(sync_request(joined.member_id, joined.generation)).assignment).size(),
            3u);
  // The group changes back to the classic protocol.
  request.member_id = "a2";
  EXPECT_EQ(ask_group(request).error, KafkaError::None);
  EXPECT_EQ(described().members.size(), 2u);
  beat("b", kLeavesForGood);
  EXPECT_EQ(described().members.size(), 1u);
}

TEST_F(GroupMigrationTest, the_last_consumer_instance_that_comes_back_classic_makes_the_group_so) {
  auto request = join_request("a");
  request.instance_id = "i";
  ask_group(request);
  const auto other = begin(classic_request("", subscription()));
  EXPECT_TRUE(other->has_value());
  JoinGroup classic = classic_request("", subscription());
  classic.instance_id = "i";
  const auto joining = begin(classic);
  EXPECT_EQ(partition().list().at(0).type, "classic");
  const auto again = begin(classic_request((*other)->member_id, subscription()));
  EXPECT_TRUE(joining->has_value() && again->has_value());
  EXPECT_EQ((*joining)->error, KafkaError::None);
  EXPECT_EQ((*joining)->generation, (*again)->generation);
}

TEST_F(GroupMigrationTest, an_empty_group_takes_the_type_of_its_next_member) {
  join("a");
  beat("a", kLeavesForGood);
  const std::string classic = classic_member();
  EXPECT_EQ(partition().list().at(0).type, "classic");
  LeaveGroup leave;
  leave.group_id = "g";
  leave.members = {{classic}};
  ask(leave);
  EXPECT_EQ(join("b").error, KafkaError::None);
  EXPECT_EQ(partition().list().at(0).type, "consumer");
  lead();
  ASSERT_EQ(partition().list().size(), 1u);
  EXPECT_EQ(described().members.size(), 1u);
}

TEST_F(GroupMigrationTest, a_group_of_another_protocol_type_stays_classic) {
  JoinGroup request = classic_request("", "whatever");
  request.protocol_type = "connect";
  begin(request);
  pass_ms(settings.initial_rebalance_delay_ms * 2);
  EXPECT_EQ(join("a").error, kGroupIdNotFound);
  EXPECT_EQ(partition().list().at(0).type, "classic");
}

TEST_F(GroupMigrationTest, a_classic_member_has_time_outs_of_its_own) {
  const std::string classic = classic_member();
  join("new");
  EXPECT_EQ(GroupTest::beat(classic, 1), kRebalanceInProgress);
  for (int i = 0; i < 8; ++i) {  // the classic member sends heartbeats and does not rejoin
    pass_ms(9'000);
    beat("new", 2);
    if (i < 6) {
      EXPECT_EQ(GroupTest::beat(classic, 1), kRebalanceInProgress);
    }
  }
  EXPECT_EQ(GroupTest::beat(classic, 1), kUnknownMemberId);
  EXPECT_EQ(described().members.size(), 1u);
}
