#include "storage/replica/in_sync_set.h"

namespace storage {
namespace {

constexpr NodeId kSelf{1}, kTwo{2}, kThree{3};
constexpr NodeEpoch kEpoch{10};
const TopicPartition kPartition{Uuid{{1}}, PartitionId{0}};

class InSyncSetTest : public testing::Test {
 protected:
  InSyncSetTest() {
    settings_.min_insync_replicas = 2;
    settings_.lag_time_max_us = 1'000;
    settings_.retry_us = 100;
    for (const NodeId id : {kSelf, kTwo, kThree}) add_node(id, kEpoch, false);
  }
  void add_node(NodeId id, NodeEpoch epoch, bool is_fenced) {
    ClusterNode node{.id = id};
    node.directory.bytes[0] = static_cast<uint8_t>(id.value());
    ASSERT_TRUE(table_.apply(encode_register_node(node), Revision{epoch.value()}));
    ASSERT_TRUE(table_.apply(encode_fence_node(id, epoch, is_fenced), Revision{epoch.value()}));
  }
  void lead(std::vector<NodeId> isr, int64_t log_end = 100, int64_t high_watermark = 50) {
    assignment_ = {.partition = kPartition,
                   .replicas = {kSelf, kTwo, kThree},
                   .isr = std::move(isr),
                   .leader = kSelf,
                   .leader_epoch = LeaderEpoch{3}};
    set_.emplace(kSelf, kEpoch, assignment_, Offset{log_end}, Offset{high_watermark}, now_us_,
                 settings_, rules_);
  }
  void read_isr(std::vector<NodeId> isr) {
    assignment_.isr = std::move(isr);
    ++assignment_.version;
    set_->reassign(assignment_, now_us_);
  }
  void fetched(NodeId node, int64_t end, NodeEpoch epoch = kEpoch) {
    set_->fetched(node, epoch, Offset{end}, now_us_);
  }
  int64_t high_watermark() const { return set_->high_watermark().value(); }
  // Returns the members that the leader proposes; empty if no change is needed.
  std::vector<NodeId> proposed() {
    std::vector<NodeId> members;
    if (const auto proposal =
            set_->propose(*table_.snapshot(), now_us_, now_us_ - settings_.lag_time_max_us))
      for (const auto& member : proposal->isr) members.push_back(member.node);
    return members;
  }

  ReplicaSettings settings_;
  ReplicaRules rules_;
  ClusterTable table_;
  PartitionAssignment assignment_;
  int64_t now_us_ = 10'000;
  std::optional<InSyncSet> set_;
};

TEST_F(InSyncSetTest, records_that_all_members_have_are_visible) {
  lead({kSelf, kTwo, kThree});
  EXPECT_EQ(high_watermark(), 50) << "nothing is known of the others yet";
  fetched(kTwo, 90);
  EXPECT_EQ(high_watermark(), 50);
  fetched(kThree, 70);
  EXPECT_EQ(high_watermark(), 70);
  fetched(kThree, 60);
  EXPECT_EQ(high_watermark(), 70) << "a fetch that comes late";
  set_->appended(Offset{120});
  fetched(kTwo, 120);
  fetched(kThree, 120);
  EXPECT_EQ(high_watermark(), 120);
}

TEST_F(InSyncSetTest, a_member_with_a_full_disk_leaves_at_its_next_fetch) {
  lead({kSelf, kTwo, kThree});
  fetched(kTwo, 100);
  set_->fetched(kThree, kEpoch, Offset{100}, now_us_, true);
  EXPECT_EQ(proposed(), (std::vector{kSelf, kTwo}));
  read_isr({kSelf, kTwo});
  set_->appended(Offset{120});
  fetched(kTwo, 120);
  EXPECT_EQ(high_watermark(), 120);
  now_us_ += 500;
  set_->fetched(kThree, kEpoch, Offset{120}, now_us_, true);
  EXPECT_EQ(proposed(), std::vector<NodeId>{}) << "it does not return with all records either";
  EXPECT_EQ(high_watermark(), 120);
  fetched(kThree, 120);
  EXPECT_EQ(proposed(), (std::vector{kSelf, kTwo, kThree})) << "its disk has space again";
}

TEST_F(InSyncSetTest,
       a_follower_whose_disk_becomes_full_while_it_joins_does_not_hold_records_back) {
  lead({kSelf, kTwo});
  fetched(kTwo, 100);
  fetched(kThree, 100);
  EXPECT_EQ(proposed(), (std::vector{kSelf, kTwo, kThree}));
  set_->fetched(kThree, kEpoch, Offset{100}, now_us_, true);
  now_us_ += 500;
  EXPECT_EQ(proposed(), (std::vector{kSelf, kTwo})) << "a newer proposal ends the earlier one";
  set_->appended(Offset{120});
  fetched(kTwo, 120);
  EXPECT_EQ(high_watermark(), 100) << "the earlier proposal may have been accepted";
  read_isr({kSelf, kTwo});
  EXPECT_EQ(high_watermark(), 120);
}

TEST_F(InSyncSetTest, a_late_member_counts_until_the_metadata_remove_it) {
  lead({kSelf, kTwo, kThree});
  fetched(kTwo, 100);
  now_us_ += 1'500;
  fetched(kTwo, 100);
  EXPECT_EQ(proposed(), (std::vector{kSelf, kTwo}));
  EXPECT_EQ(high_watermark(), 50);
  EXPECT_TRUE(proposed().empty()) << "asked for a moment ago";
  read_isr({kSelf, kTwo});
  EXPECT_EQ(high_watermark(), 100);
}

TEST_F(InSyncSetTest, a_proposed_member_counts_at_once) {
  lead({kSelf, kTwo});
  fetched(kTwo, 100);
  EXPECT_EQ(high_watermark(), 100);
  fetched(kThree, 100);
  EXPECT_EQ(proposed(), (std::vector{kSelf, kTwo, kThree}));
  set_->appended(Offset{130});
  fetched(kTwo, 130);
  EXPECT_EQ(high_watermark(), 100) << "the controller may have taken it by now";
  fetched(kThree, 120);
  EXPECT_EQ(high_watermark(), 120);
}

// If the leader proposed it again, the follower would be removed and proposed twenty times a second until it is fenced.
TEST_F(InSyncSetTest, a_silent_member_is_not_proposed_again) {
  settings_.min_insync_replicas = 1;
  lead({kSelf, kTwo});
  fetched(kTwo, 100);
  now_us_ += 1'500;
  EXPECT_EQ(proposed(), (std::vector{kSelf}));
  read_isr({kSelf});
  now_us_ += 200;
  EXPECT_TRUE(proposed().empty());
  fetched(kTwo, 100);
  EXPECT_EQ(proposed(), (std::vector{kSelf, kTwo}));
}

// A proposal is repeated. Otherwise the high watermark would never advance after a refused proposal, and writers
// would never get an answer.
TEST_F(InSyncSetTest, a_proposal_is_repeated_until_its_outcome_is_known) {
  settings_.min_insync_replicas = 1;
  lead({kSelf});
  fetched(kTwo, 100);
  EXPECT_EQ(proposed(), (std::vector{kSelf, kTwo}));
  add_node(kTwo, NodeEpoch{20}, true);
  set_->appended(Offset{130});
  EXPECT_TRUE(proposed().empty()) << "asked for a moment ago";
  now_us_ += 200;
  EXPECT_EQ(proposed(), (std::vector{kSelf}));
  EXPECT_EQ(high_watermark(), 100) << "it may have joined";
  now_us_ += 200;
  EXPECT_EQ(proposed(), (std::vector{kSelf})) << "no answer yet";
  read_isr({kSelf});
  EXPECT_EQ(high_watermark(), 130);
  now_us_ += 200;
  EXPECT_TRUE(proposed().empty());
}

TEST_F(InSyncSetTest, nothing_becomes_visible_while_too_few_are_in_sync) {
  lead({kSelf});
  EXPECT_EQ(high_watermark(), 50);
  EXPECT_FALSE(set_->has_min_isr());
  fetched(kTwo, 100);
  EXPECT_EQ(high_watermark(), 50);
  read_isr({kSelf, kTwo});
  EXPECT_EQ(high_watermark(), 100);
}

TEST_F(InSyncSetTest, a_joining_member_has_all_records_from_before_this_leader) {
  lead({kSelf, kTwo}, 100, 50);
  fetched(kThree, 80);
  EXPECT_TRUE(proposed().empty()) << "up to 100 may have been visible under the leader before";
  fetched(kThree, 100);
  EXPECT_EQ(proposed(), (std::vector{kSelf, kTwo, kThree}));
}

TEST_F(InSyncSetTest, a_member_that_registers_again_is_another_one) {
  lead({kSelf, kTwo});
  fetched(kThree, 100);
  add_node(kThree, NodeEpoch{20}, false);
  EXPECT_TRUE(proposed().empty());
  fetched(kThree, 0, NodeEpoch{20});
  EXPECT_TRUE(proposed().empty()) << "it has nothing";
  fetched(kThree, 100);
  EXPECT_TRUE(proposed().empty()) << "that was said by the one before";
  fetched(kThree, 100, NodeEpoch{20});
  EXPECT_EQ(proposed(), (std::vector{kSelf, kTwo, kThree}));
}

TEST_F(InSyncSetTest, a_fenced_node_is_not_proposed) {
  lead({kSelf, kTwo});
  add_node(kThree, NodeEpoch{20}, true);
  fetched(kThree, 100, NodeEpoch{20});
  EXPECT_TRUE(proposed().empty());
}

}  // namespace
}  // namespace storage
