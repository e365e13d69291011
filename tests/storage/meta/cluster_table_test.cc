#include "storage/meta/cluster_table.h"

#include "storage/meta/closed_partition.h"
#include "storage/meta/partition_requests.h"

namespace storage {
namespace {

const TopicPartition kPartition{Uuid{{1}}, PartitionId{0}};
constexpr NodeId kOne{1}, kTwo{2}, kThree{3}, kFour{4}, kFive{5};

class ClusterTableTest : public testing::Test {
 protected:
  Result<ClusterDelta> apply(const std::string& part) {
    return table_.apply(part, Revision{++revision_});
  }
  void register_node(NodeId id, uint8_t directory) {
    ClusterNode node{.id = id};
    node.directory.bytes[0] = directory;
    node.endpoint = "host:" + std::to_string(id.value());
    ASSERT_TRUE(apply(encode_register_node(node)));
  }
  PartitionAssignment assignment() const { return *table_.snapshot()->find(kPartition); }
  void assign(const PartitionAssignment& assignment) {
    const auto applied = apply(encode_assign_partition(assignment));
    ASSERT_TRUE(applied) << applied.error().message;
  }
  // Assigns three replicas in sync, of which the first one leads.
  void assign_to_three() {
    for (const NodeId id : {kOne, kTwo, kThree})
      register_node(id, static_cast<uint8_t>(id.value()));
    assign({.partition = kPartition,
            .replicas = {kOne, kTwo, kThree},
            .isr = {kOne, kTwo, kThree},
            .leader = kOne,
            .leader_epoch = LeaderEpoch{1}});
  }

  ClusterTable table_;
  int64_t revision_ = 0;
};

TEST_F(ClusterTableTest, a_new_registration_is_distinguished_from_the_old_one_and_fenced_at_first) {
  register_node(kOne, 7);
  const NodeEpoch first = table_.snapshot()->find(kOne)->epoch;
  EXPECT_TRUE(table_.snapshot()->find(kOne)->is_fenced);
  ASSERT_TRUE(apply(encode_fence_node(kOne, first, false)));
  EXPECT_FALSE(table_.snapshot()->find(kOne)->is_fenced);

  register_node(kOne, 7);
  EXPECT_GT(table_.snapshot()->find(kOne)->epoch, first);
  EXPECT_TRUE(table_.snapshot()->find(kOne)->is_fenced);
  EXPECT_FALSE(apply(encode_fence_node(kOne, first, false))) << "meant for the one before";
}

TEST_F(ClusterTableTest, a_node_that_registers_again_leads_nothing_and_keeps_its_place_in_the_isr) {
  assign_to_three();
  register_node(kOne, 1);
  EXPECT_EQ(assignment().leader, std::nullopt);
  EXPECT_EQ(assignment().leader_epoch, LeaderEpoch{2});
  EXPECT_EQ(assignment().isr, (std::vector{kOne, kTwo, kThree}));
  EXPECT_EQ(assignment().version, 1);
}

TEST_F(ClusterTableTest, a_node_with_another_disk_has_nothing_of_its_old_data) {
  assign_to_three();
  PartitionAssignment small = assignment();
  small.isr = {kOne};
  small.eligible = {kTwo, kThree};
  ++small.version;
  assign(small);
  register_node(kOne, 9);
  register_node(kTwo, 9);
  EXPECT_TRUE(assignment().isr.empty());
  EXPECT_EQ(assignment().eligible, std::vector{kThree});
}

TEST_F(ClusterTableTest, a_decision_for_another_version_changes_nothing) {
  assign_to_three();
  PartitionAssignment late = assignment();
  late.isr = {kOne};
  const auto refused = apply(encode_assign_partition(late));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::OutOfOrderSequence);

  PartitionAssignment moved = assignment();
  moved.leader = kTwo;
  ++moved.version;
  EXPECT_FALSE(apply(encode_assign_partition(moved))) << "another leader under the same epoch";
  ++moved.leader_epoch;
  EXPECT_TRUE(apply(encode_assign_partition(moved)));
}

TEST_F(ClusterTableTest, impossible_changes_are_refused) {
  assign_to_three();
  const auto is_refused = [&](auto change) {
    PartitionAssignment wrong = assignment();
    ++wrong.version;
    change(wrong);
    return !apply(encode_assign_partition(wrong));
  };
  EXPECT_TRUE(is_refused([](auto& wrong) { wrong.isr.push_back(NodeId{4}); }));
  EXPECT_TRUE(is_refused([](auto& wrong) { wrong.isr = {kTwo}; })) << "its leader is not in it";
  EXPECT_TRUE(is_refused([](auto& wrong) { wrong.eligible = {kTwo}; })) << "it is in sync";
  EXPECT_TRUE(is_refused([](auto& wrong) { wrong.replicas.clear(), wrong.isr.clear(); }));
}

TEST_F(ClusterTableTest, a_snapshot_of_it_is_the_same_and_damage_is_noticed) {
  assign_to_three();
  const std::string saved = table_.save();
  const ClusterTable loaded = ClusterTable::load(saved).value();
  EXPECT_EQ(*loaded.snapshot()->find(kPartition), assignment());
  EXPECT_EQ(*loaded.snapshot()->find(kTwo), *table_.snapshot()->find(kTwo));
  for (size_t size = 0; size < saved.size(); ++size)
    EXPECT_FALSE(ClusterTable::load(saved.substr(0, size))) << size;

  const std::string part = encode_remove_assignments(kPartition.topic);
  for (size_t size = 0; size < part.size(); ++size) EXPECT_FALSE(apply(part.substr(0, size)));
  const auto removed = apply(part);
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->partitions, std::vector{kPartition});
  EXPECT_EQ(table_.snapshot()->find(kPartition), nullptr);
}

TEST_F(ClusterTableTest, a_topic_asks_for_a_number_in_sync_of_its_own) {
  assign_to_three();
  const int32_t version = assignment().version;
  ASSERT_TRUE(apply(encode_require_in_sync(kPartition.topic, 3, 2)));
  EXPECT_EQ(assignment().least_in_sync(2), 3U);
  EXPECT_EQ(assignment().version, version + 1) << "what was proposed before is refused";
  const std::string saved = table_.save();
  EXPECT_EQ(*ClusterTable::load(saved).value().snapshot()->find(kPartition), assignment());
  for (size_t size = 0; size < saved.size(); ++size)
    EXPECT_FALSE(ClusterTable::load(saved.substr(0, size))) << size;

  // Two nodes leave: the nodes that were in sync have all visible records and stay eligible, until
  // fewer replicas are required.
  PartitionAssignment alone = assignment();
  alone.isr = {kOne};
  alone.eligible = {kTwo, kThree};
  ++alone.version;
  assign(alone);
  EXPECT_EQ(assignment(), alone) << "the number comes back as it went";
  ASSERT_TRUE(apply(encode_require_in_sync(kPartition.topic, 2, 2)));
  EXPECT_EQ(assignment().eligible, alone.eligible);
  ASSERT_TRUE(apply(encode_require_in_sync(kPartition.topic, 1, 2)));
  EXPECT_EQ(assignment().eligible, std::vector<NodeId>{});

  ASSERT_TRUE(apply(encode_require_in_sync(kPartition.topic, std::nullopt, 2)));
  EXPECT_EQ(assignment().least_in_sync(2), 2U);
  EXPECT_TRUE(apply(encode_require_in_sync(Uuid::random(), 3, 2))) << "a topic that is gone";
  const std::string part = encode_require_in_sync(kPartition.topic, 3, 2);
  for (size_t size = 0; size < part.size(); ++size) EXPECT_FALSE(apply(part.substr(0, size)));
}

// The new epoch separates the appends before the close from those after it (docs/adr/0158).
TEST_F(ClusterTableTest, a_closed_partition_gets_a_new_epoch_and_keeps_the_minimum_of_the_cluster) {
  assign_to_three();
  EXPECT_FALSE(is_closed(assignment()));
  const PartitionAssignment before = assignment();
  ASSERT_TRUE(apply(encode_require_in_sync(kPartition.topic, kClosedForAppends, 1)));
  EXPECT_TRUE(is_closed(assignment()));
  EXPECT_EQ(assignment().leader, before.leader);
  EXPECT_EQ(assignment().leader_epoch, LeaderEpoch{2});
  EXPECT_EQ(assignment().least_in_sync(2), 2U);
  EXPECT_TRUE(is_closed(*ClusterTable::load(table_.save()).value().snapshot()->find(kPartition)));

  ASSERT_TRUE(apply(encode_require_in_sync(kPartition.topic, kClosedForAppends, 1)));
  EXPECT_EQ(assignment().leader_epoch, LeaderEpoch{2}) << "the partition was closed already";
  ASSERT_TRUE(apply(encode_require_in_sync(kPartition.topic, 3, 2)));
  EXPECT_FALSE(is_closed(assignment()));
  EXPECT_EQ(assignment().leader_epoch, LeaderEpoch{3});
  EXPECT_EQ(assignment().least_in_sync(2), 3U);
}

// --- Requests of administrators

TEST_F(ClusterTableTest, added_replicas_are_listed_beside_removed_ones) {
  assign_to_three();
  for (const NodeId id : {kFour, kFive}) register_node(id, 7);
  ASSERT_TRUE(apply(encode_move_replicas(kPartition, {kFour, kOne, kFive})));
  EXPECT_EQ(assignment().replicas, (std::vector{kFour, kOne, kFive, kTwo, kThree}));
  EXPECT_EQ(assignment().adding, (std::vector{kFour, kFive}));
  EXPECT_EQ(assignment().removing, (std::vector{kTwo, kThree}));
  EXPECT_EQ(assignment().isr, (std::vector{kOne, kTwo, kThree}));
  EXPECT_EQ(assignment().leader, kOne);
  EXPECT_EQ(assignment().least_in_sync(3), 3u);
  EXPECT_EQ(assignment().least_in_sync(9), 3u) << "who is only to come is not asked for";
  const ClusterTable loaded = ClusterTable::load(table_.save()).value();
  EXPECT_EQ(*loaded.snapshot()->find(kPartition), assignment());
}

TEST_F(ClusterTableTest, a_move_is_called_off_and_its_new_replicas_go_at_once) {
  assign_to_three();
  register_node(kFour, 4);
  ASSERT_TRUE(apply(encode_move_replicas(kPartition, {kFour, kOne})));
  PartitionAssignment joined = assignment();
  joined.isr = {kFour, kOne, kTwo, kThree};
  joined.leader = kFour;
  ++joined.leader_epoch;
  ++joined.version;
  assign(joined);
  ASSERT_TRUE(apply(encode_move_replicas(kPartition, {})));
  EXPECT_EQ(assignment().replicas, (std::vector{kOne, kTwo, kThree}));
  EXPECT_EQ(assignment().isr, (std::vector{kOne, kTwo, kThree}));
  EXPECT_FALSE(assignment().is_moving());
  EXPECT_EQ(assignment().leader, std::nullopt) << "it was one that was only to come";
  EXPECT_EQ(assignment().leader_epoch, joined.leader_epoch + 1);
}

TEST_F(ClusterTableTest, a_move_that_would_lose_visible_records_is_refused) {
  assign_to_three();
  register_node(kFour, 4);
  ASSERT_TRUE(apply(encode_move_replicas(kPartition, {kFour, kOne})));
  PartitionAssignment alone = assignment();
  alone.isr = {kFour};
  alone.leader = kFour;
  ++alone.leader_epoch;
  ++alone.version;
  assign(alone);
  EXPECT_FALSE(apply(encode_move_replicas(kPartition, {})));
  EXPECT_FALSE(apply(encode_move_replicas(kPartition, {NodeId{9}}))) << "there is no such node";
  EXPECT_FALSE(apply(encode_move_replicas(kPartition, {kOne, kOne})));
  EXPECT_EQ(assignment(), alone);
  // One replica that has the records is left, but two are required.
  alone.isr = {kFour, kOne};
  ++alone.version;
  assign(alone);
  EXPECT_FALSE(check_move(*table_.snapshot(), kPartition, {}, 2));
  EXPECT_TRUE(check_move(*table_.snapshot(), kPartition, {}, 1));
}

TEST_F(ClusterTableTest, a_move_is_completed_when_the_new_replicas_are_in_sync_and_enough_are) {
  assign_to_three();
  for (const NodeId id : {kFour, kFive}) register_node(id, 7);
  ASSERT_TRUE(apply(encode_move_replicas(kPartition, {kFour, kFive, kOne})));
  PartitionAssignment moving = assignment();
  EXPECT_FALSE(completed_move(moving, 2));
  moving.isr = {kFour, kOne, kTwo, kThree};
  EXPECT_FALSE(completed_move(moving, 2));
  moving.isr = {kFour, kFive, kTwo};
  EXPECT_FALSE(completed_move(moving, 3)) << "of those that stay two are in sync";
  const auto done = completed_move(moving, 2);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->replicas, (std::vector{kFour, kFive, kOne}));
  EXPECT_EQ(done->isr, (std::vector{kFour, kFive}));
  EXPECT_FALSE(done->is_moving());
}

TEST_F(ClusterTableTest, the_preferred_leader_is_elected_when_it_is_in_sync) {
  assign_to_three();
  EXPECT_FALSE(apply(encode_elect_leader(kPartition, Election::Preferred))) << "it leads";
  PartitionAssignment other = assignment();
  other.leader = kTwo;
  ++other.leader_epoch;
  ++other.version;
  assign(other);
  EXPECT_FALSE(apply(encode_elect_leader(kPartition, Election::Preferred))) << "it is fenced";
  ASSERT_TRUE(apply(encode_fence_node(kOne, table_.snapshot()->find(kOne)->epoch, false)));
  ASSERT_TRUE(apply(encode_elect_leader(kPartition, Election::Preferred)));
  EXPECT_EQ(assignment().leader, kOne);
  EXPECT_EQ(assignment().leader_epoch, other.leader_epoch + 1);
}

TEST_F(ClusterTableTest, an_unclean_election_takes_a_live_node_when_no_other_can_lead) {
  assign_to_three();
  ASSERT_TRUE(apply(encode_fence_node(kThree, table_.snapshot()->find(kThree)->epoch, false)));
  EXPECT_FALSE(apply(encode_elect_leader(kPartition, Election::Unclean))) << "there is a leader";
  PartitionAssignment lost = assignment();
  lost.isr = {kOne};
  lost.eligible = {kTwo};
  lost.leader.reset();
  ++lost.leader_epoch;
  ++lost.version;
  assign(lost);
  const NodeEpoch two = table_.snapshot()->find(kTwo)->epoch;
  ASSERT_TRUE(apply(encode_fence_node(kTwo, two, false)));
  EXPECT_FALSE(apply(encode_elect_leader(kPartition, Election::Unclean))) << "node 2 has all";
  ASSERT_TRUE(apply(encode_fence_node(kTwo, two, true)));
  EXPECT_FALSE(apply(encode_elect_leader(kPartition, Election::Unclean, kTwo))) << "it is away";
  const auto elected = encode_elect_leader(kPartition, Election::Unclean, kThree);
  for (size_t size = 0; size < elected.size(); ++size) EXPECT_FALSE(apply(elected.substr(0, size)));
  ASSERT_TRUE(apply(encode_fence_node(kOne, table_.snapshot()->find(kOne)->epoch, true)));
  const ClusterTable before = ClusterTable::load(table_.save()).value();
  ASSERT_TRUE(apply(elected));
  EXPECT_EQ(assignment().leader, kThree);
  table_ = before;
  ASSERT_TRUE(apply(encode_elect_leader(kPartition, Election::Unclean)));
  EXPECT_EQ(assignment().leader, kThree);
  EXPECT_EQ(assignment().isr, std::vector{kThree});
  EXPECT_TRUE(assignment().eligible.empty());
}

TEST_F(ClusterTableTest, an_unclean_election_is_remembered_as_long_as_the_partition_exists) {
  assign_to_three();
  EXPECT_EQ(table_.save().front(), '\2') << "versions before it can read what is saved";
  ASSERT_TRUE(apply(encode_fence_node(kThree, table_.snapshot()->find(kThree)->epoch, false)));
  PartitionAssignment lost = assignment();
  lost.isr = {kOne};
  lost.leader.reset();
  ++lost.leader_epoch;
  ++lost.version;
  assign(lost);
  EXPECT_TRUE(table_.snapshot()->unclean_elections().empty());
  ASSERT_TRUE(apply(encode_elect_leader(kPartition, Election::Unclean)));
  const UncleanElection election{assignment().leader_epoch, Revision{revision_}};
  const auto remembered = [&] { return table_.snapshot()->unclean_elections().get(kPartition); };
  ASSERT_NE(remembered(), nullptr);
  EXPECT_EQ(*remembered(), election);

  // A later decision of the controller does not change the record of the election.
  PartitionAssignment grown = assignment();
  grown.isr = {kTwo, kThree};
  ++grown.version;
  assign(grown);
  EXPECT_EQ(*remembered(), election);

  const std::string saved = table_.save();
  table_ = ClusterTable::load(saved).value();
  ASSERT_NE(remembered(), nullptr);
  EXPECT_EQ(*remembered(), election);
  EXPECT_EQ(assignment(), grown);
  for (size_t size = 0; size < saved.size(); ++size)
    EXPECT_FALSE(ClusterTable::load(saved.substr(0, size))) << size;

  ASSERT_TRUE(apply(encode_remove_assignments(kPartition.topic)));
  EXPECT_TRUE(table_.snapshot()->unclean_elections().empty());
}

TEST_F(ClusterTableTest, the_feature_level_is_raised_and_never_lowered) {
  assign_to_three();
  EXPECT_EQ(table_.snapshot()->feature_level(), kFirstLevel);
  const std::string before = table_.save();
  ASSERT_TRUE(apply(encode_raise_level(FeatureLevel{2})));
  EXPECT_EQ(table_.snapshot()->feature_level(), FeatureLevel{2});
  EXPECT_TRUE(apply(encode_raise_level(FeatureLevel{2})));
  EXPECT_FALSE(apply(encode_raise_level(FeatureLevel{1})));
  // A level that this program does not know is accepted: the program then stops, and all nodes have
  // read the same metadata.
  ASSERT_TRUE(apply(encode_raise_level(FeatureLevel{9})));
  const std::string saved = table_.save();
  table_ = ClusterTable::load(saved).value();
  EXPECT_EQ(table_.snapshot()->feature_level(), FeatureLevel{9});
  EXPECT_EQ(assignment().isr, (std::vector{kOne, kTwo, kThree}));
  for (size_t size = 0; size < saved.size(); ++size)
    EXPECT_FALSE(ClusterTable::load(saved.substr(0, size))) << size;
  // Programs without feature levels can read a table that is saved at the first level, and refuse
  // all others.
  EXPECT_EQ(before.front(), 2);
  EXPECT_EQ(saved.front(), 4);
}

TEST_F(ClusterTableTest, a_node_without_replicas_is_removed) {
  assign_to_three();
  register_node(kFour, 4);
  const NodeEpoch epoch = table_.snapshot()->find(kFour)->epoch;
  EXPECT_FALSE(apply(encode_unregister_node(kOne, table_.snapshot()->find(kOne)->epoch)));
  EXPECT_FALSE(apply(encode_unregister_node(kFour, NodeEpoch{1})));
  ASSERT_TRUE(apply(encode_unregister_node(kFour, epoch)));
  EXPECT_EQ(table_.snapshot()->find(kFour), nullptr);
  EXPECT_FALSE(apply(encode_fence_node(kFour, epoch, false)));
}

}  // namespace
}  // namespace storage
