#include "storage/meta/cluster_table.h"

namespace storage {
namespace {

const TopicPartition kPartition{Uuid{{1}}, PartitionId{0}};
constexpr NodeId kOne{1}, kTwo{2}, kThree{3};

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
  // Three in sync, the first one leads.
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

TEST_F(ClusterTableTest, a_node_is_told_from_the_one_it_was_before_and_is_fenced_at_first) {
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

TEST_F(ClusterTableTest, who_registers_again_leads_nothing_and_keeps_its_place_in_the_isr) {
  assign_to_three();
  register_node(kOne, 1);
  EXPECT_EQ(assignment().leader, std::nullopt);
  EXPECT_EQ(assignment().leader_epoch, LeaderEpoch{2});
  EXPECT_EQ(assignment().isr, (std::vector{kOne, kTwo, kThree}));
  EXPECT_EQ(assignment().version, 1);
}

TEST_F(ClusterTableTest, who_comes_with_another_disk_has_nothing_of_what_it_had) {
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

TEST_F(ClusterTableTest, what_was_decided_for_another_version_changes_nothing) {
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

TEST_F(ClusterTableTest, what_cannot_be_is_refused) {
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

}  // namespace
}  // namespace storage
