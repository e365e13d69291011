#include "server/cluster/controller.h"

#include <map>
#include <set>

#include "base/log.h"

namespace server {
namespace {

using storage::NodeEpoch;
using storage::PartitionAssignment;

constexpr NodeId kAll = storage::kAllNodes;
constexpr NodeId kOne{1}, kTwo{2}, kThree{3}, kFour{4};
const storage::TopicPartition kPartition{Uuid{{1}}, PartitionId{0}};

// Commands take effect immediately, unless the test holds them back.
class ControllerTest : public testing::Test, public ControllerPort {
 protected:
  ControllerTest() {
    set_log_level(LogLevel::Warn);
    settings_.session_timeout_us = 1'000;
    settings_.min_insync_replicas = 2;
    settings_.balance_us = 10'000;
    settings_.metadata_lag_max_us = 3'000;
    for (const NodeId id : {kOne, kTwo, kThree}) register_node(id, id.value());
    PartitionAssignment made{.partition = kPartition, .replicas = {kOne, kTwo, kThree}};
    made.isr = made.replicas;
    apply(storage::encode_assign_partition(made));
    ControllerPort& port = *this;
    controller_.emplace(port, clock_, settings_);
    controller_->applied(table_.snapshot(), Revision{revision_});
  }
  void register_node(NodeId id, int directory) {
    storage::ClusterNode node{.id = id};
    node.directory.bytes[0] = static_cast<uint8_t>(directory);
    apply(storage::encode_register_node(node));
  }
  void apply(const std::string& part) {
    const auto applied = table_.apply(part, Revision{++revision_});
    ASSERT_TRUE(applied) << applied.error().message;
    changed_.insert(changed_.end(), applied->partitions.begin(), applied->partitions.end());
  }
  void append(Revision last, storage::MetadataCommand command,
              std::function<void(Result<Revision>)> done) override {
    ++commands_;
    if (refused_ > 0) {
      --refused_;
      return done(Error{ErrorCode::NetworkFailure, "the outcome is unknown"});
    }
    if (last != Revision{revision_}) return done(Error{ErrorCode::OutOfOrderSequence, "moved on"});
    ++revision_;
    for (const auto& part : command.parts) {
      const auto applied = table_.apply(part.bytes, Revision{revision_});
      ASSERT_TRUE(applied) << applied.error().message;
      changed_.insert(changed_.end(), applied->partitions.begin(), applied->partitions.end());
    }
    done(Revision{revision_});
  }
  void resign() override { ++resigned_; }
  void tell_fenced(NodeId node, NodeEpoch epoch, Revision revision) override {
    EXPECT_EQ(epoch, epoch_of(node));
    EXPECT_EQ(revision, Revision{revision_});
    told_.insert(node);
  }
  // Starts a controller on a node that has resigned as controller before and had no successor.
  void decide_alone() {
    ControllerPort& port = *this;
    controller_.emplace(port, clock_, settings_, ControllerRules{}, true);
    controller_->applied(table_.snapshot(), Revision{revision_});
  }
  // Sends heartbeats of these nodes while time passes, and applies the decisions.
  void hear(std::vector<NodeId> nodes, int64_t for_us = 100) {
    std::map<NodeId, int64_t> read;
    for (const NodeId id : nodes) read[id] = INT64_MAX;
    hear_read(read, for_us);
  }
  // Sends heartbeats of these nodes. Each reports that it has read the metadata up to the given
  // revision at most.
  void hear_read(const std::map<NodeId, int64_t>& nodes, int64_t for_us) {
    for (int64_t passed = 0; passed < for_us; passed += 100) {
      clock_.advance_us(100);
      for (const auto& [id, most] : nodes)
        controller_->on_heartbeat({.node = id,
                                   .epoch = table_.snapshot()->find(id)->epoch,
                                   .applied = Revision{std::min(revision_, most)},
                                   .disk_is_full = full_.contains(id),
                                   .is_out_of_touch = deaf_.contains(id)});
      for (int i = 0; i < 3; ++i) {
        const auto changed = std::exchange(changed_, {});
        controller_->applied(table_.snapshot(), Revision{revision_}, changed);
        controller_->tick();
      }
    }
  }
  const PartitionAssignment& now() const { return *table_.snapshot()->find(kPartition); }
  storage::IsrProposal proposal(std::vector<NodeId> isr) const {
    storage::IsrProposal made{kPartition,         *now().leader, epoch_of(*now().leader),
                              now().leader_epoch, now().version, {}};
    for (const NodeId id : isr) made.isr.push_back({id, epoch_of(id)});
    return made;
  }
  NodeEpoch epoch_of(NodeId id) const { return table_.snapshot()->find(id)->epoch; }

  SimulatedClock clock_;
  ControllerSettings settings_;
  storage::ClusterTable table_;
  int64_t revision_ = 0;
  std::vector<storage::TopicPartition> changed_;  // changed since the controller was last notified
  int commands_ = 0, resigned_ = 0;
  int refused_ = 0;        // how many of the next commands are refused
  std::set<NodeId> told_;  // nodes that were informed of their fencing
  std::set<NodeId> full_;  // nodes with a full disk
  std::set<NodeId> deaf_;  // nodes that do not hear the controller
  std::optional<Controller> controller_;
};

TEST_F(ControllerTest, a_node_that_is_heard_may_lead_and_the_preferred_one_does) {
  EXPECT_EQ(now().leader, std::nullopt);
  hear({kOne, kTwo, kThree});
  EXPECT_EQ(now().leader, kOne);
  EXPECT_EQ(now().isr, now().replicas);
  const int commands = commands_;
  hear({kOne, kTwo, kThree}, 5'000);
  EXPECT_EQ(commands_, commands) << "nothing is decided when nothing happens";
}

// For each command, the controller examines only the partitions that have changed or that still
// need a decision. It does not examine all partitions, of which there may be a hundred thousand.
TEST_F(ControllerTest, later_changes_are_decided_as_well) {
  hear({kOne, kTwo, kThree}, 2'000);
  const storage::TopicPartition other{Uuid{{2}}, PartitionId{0}};
  PartitionAssignment made{.partition = other, .replicas = {kTwo, kThree}};
  made.isr = made.replicas;
  apply(storage::encode_assign_partition(made));
  hear({kOne, kTwo, kThree});
  EXPECT_EQ(table_.snapshot()->find(other)->leader, kTwo);
  const LeaderEpoch before = table_.snapshot()->find(other)->leader_epoch;
  // after a new registration a node leads nothing until the controller decides
  register_node(kTwo, 2);
  EXPECT_EQ(table_.snapshot()->find(other)->leader, std::nullopt);
  hear({kOne, kTwo, kThree}, 200);
  EXPECT_EQ(table_.snapshot()->find(other)->leader, kTwo);
  EXPECT_EQ(table_.snapshot()->find(other)->leader_epoch, before + 2);
}

TEST_F(ControllerTest, the_outcome_of_a_failed_command_is_decided_again) {
  hear({kOne, kTwo, kThree}, 2'000);
  refused_ = 2;
  PartitionAssignment taken = now();
  taken.leader.reset();
  ++taken.leader_epoch;
  ++taken.version;
  apply(storage::encode_assign_partition(taken));
  hear({kOne, kTwo, kThree}, 500);
  EXPECT_EQ(refused_, 0);
  EXPECT_EQ(now().leader, kOne);
  refused_ = 2;
  hear({kTwo, kThree}, 3'000);
  EXPECT_EQ(refused_, 0);
  EXPECT_EQ(now().leader, kTwo);
  EXPECT_EQ(now().isr, (std::vector{kTwo, kThree}));
}

// If the previous controller was frozen, it was silent for the whole duration of its lease. So the next controller
// waits only half as long for its heartbeat as for the heartbeats of other nodes.
TEST_F(ControllerTest, the_previous_controller_is_waited_for_half_as_long) {
  hear({kOne, kTwo, kThree});
  ControllerPort& port = *this;
  controller_.emplace(port, clock_, settings_, ControllerRules{}, false, kOne);
  controller_->applied(table_.snapshot(), Revision{revision_});
  hear({kTwo}, 500);
  EXPECT_FALSE(table_.snapshot()->find(kOne)->is_fenced);
  hear({kTwo, kThree}, 200);
  EXPECT_TRUE(table_.snapshot()->find(kOne)->is_fenced);
  EXPECT_EQ(now().leader, kTwo);
  hear({kOne, kTwo, kThree}, 2'000);
  EXPECT_FALSE(table_.snapshot()->find(kOne)->is_fenced);
  hear({kTwo, kThree}, 900);
  EXPECT_FALSE(table_.snapshot()->find(kOne)->is_fenced) << "one who was heard has all his time";
}

TEST_F(ControllerTest, a_silent_node_is_removed_and_another_one_leads) {
  hear({kOne, kTwo, kThree});
  const LeaderEpoch before = now().leader_epoch;
  hear({kTwo, kThree}, 2'000);
  EXPECT_TRUE(table_.snapshot()->find(kOne)->is_fenced);
  EXPECT_EQ(now().leader, kTwo);
  EXPECT_EQ(now().leader_epoch, before + 1);
  EXPECT_EQ(now().isr, (std::vector{kTwo, kThree}));
  hear({kOne, kTwo, kThree}, 500);
  EXPECT_FALSE(table_.snapshot()->find(kOne)->is_fenced);
  EXPECT_EQ(now().isr, (std::vector{kTwo, kThree}))
      << "until its leader says that it has caught up";
}

TEST_F(ControllerTest, a_connection_that_breaks_is_as_much_as_a_long_silence) {
  hear({kOne, kTwo, kThree});
  controller_->on_disconnected(kOne);
  controller_->tick();
  EXPECT_EQ(now().leader, kTwo);
}

// kOne was the previous controller and the leader of the partition, and its process has died. The new controller has
// not heard any node yet, but fences kOne as soon as the connection to kOne breaks.
TEST_F(ControllerTest, a_new_controller_does_not_wait_for_an_unreachable_node) {
  hear({kOne, kTwo, kThree});
  ControllerPort& port = *this;
  controller_.emplace(port, clock_, settings_);
  controller_->applied(table_.snapshot(), Revision{revision_});
  controller_->on_disconnected(kOne);
  controller_->tick();
  EXPECT_TRUE(table_.snapshot()->find(kOne)->is_fenced);
  EXPECT_EQ(now().leader, kTwo);
  hear({kOne, kTwo, kThree}, 500);
  EXPECT_FALSE(table_.snapshot()->find(kOne)->is_fenced) << "it was there after all";
}

// A node that does not read the metadata sends heartbeats, but does not learn of decisions.
TEST_F(ControllerTest, a_node_that_does_not_read_the_metadata_leads_only_if_no_other_can) {
  hear({kOne, kTwo, kThree});
  hear({kOne, kTwo, kThree}, 5'000);
  const int64_t read = revision_;
  apply(storage::encode_configure_node(kAll, {}));
  hear_read({{kOne, read}, {kTwo, INT64_MAX}, {kThree, INT64_MAX}}, 2'500);
  EXPECT_EQ(now().leader, kOne) << "it may be slow";
  EXPECT_TRUE(told_.empty());
  hear_read({{kOne, read}, {kTwo, INT64_MAX}, {kThree, INT64_MAX}}, 1'000);
  EXPECT_TRUE(table_.snapshot()->find(kOne)->is_fenced);
  EXPECT_EQ(now().leader, kTwo);
  EXPECT_EQ(now().isr, (std::vector{kTwo, kThree}));
  EXPECT_EQ(told_, std::set{kOne});
  hear_read({{kOne, read + 1}, {kTwo, INT64_MAX}, {kThree, INT64_MAX}}, 2'000);
  EXPECT_TRUE(table_.snapshot()->find(kOne)->is_fenced) << "it has not read that it is";
  hear({kOne, kTwo, kThree}, 500);
  EXPECT_FALSE(table_.snapshot()->find(kOne)->is_fenced);
}

TEST_F(ControllerTest, a_slow_reader_is_not_behind) {
  hear({kOne, kTwo, kThree});
  for (int i = 0; i < 20; ++i) {
    const int64_t read = revision_;
    apply(storage::encode_configure_node(kAll, {}));
    hear_read({{kOne, read}, {kTwo, INT64_MAX}, {kThree, INT64_MAX}}, 1'000);
  }
  EXPECT_EQ(now().leader, kOne);
}

TEST_F(ControllerTest, a_node_that_does_not_read_the_metadata_keeps_partitions_no_other_has) {
  hear({kOne, kTwo, kThree});
  decide_alone();
  hear({kOne}, 3'000);
  EXPECT_EQ(now().isr, std::vector{kOne});
  const int64_t read = revision_;
  hear_read({{kOne, read}, {kTwo, INT64_MAX}, {kThree, INT64_MAX}}, 10'000);
  EXPECT_EQ(now().leader, kOne);
  EXPECT_FALSE(table_.snapshot()->find(kOne)->is_fenced);
  EXPECT_TRUE(told_.empty());
}

TEST_F(ControllerTest, a_leaving_node_leads_only_if_no_other_can_and_stays_in_sync) {
  hear({kOne, kTwo, kThree});
  controller_->on_heartbeat({kOne, epoch_of(kOne), Revision{revision_}, true});
  hear({kOne, kTwo, kThree}, 500);
  EXPECT_EQ(now().leader, kTwo);
  EXPECT_EQ(now().isr, now().replicas);
  controller_->on_disconnected(kTwo);
  controller_->on_disconnected(kThree);
  hear({kOne}, 3'000);
  EXPECT_EQ(now().leader, kOne) << "nobody else is there";
}

TEST_F(ControllerTest, a_node_with_a_full_disk_leads_only_if_no_other_can_until_it_has_space) {
  hear({kOne, kTwo, kThree});
  full_ = {kOne};
  hear({kOne, kTwo, kThree}, 500);
  EXPECT_EQ(now().leader, kTwo);
  EXPECT_EQ(now().isr, now().replicas) << "it goes by the usual rule only";
  EXPECT_FALSE(table_.snapshot()->find(kOne)->is_fenced);
  hear({kOne, kTwo, kThree}, 30'000);
  EXPECT_EQ(now().leader, kTwo) << "though another one is preferred";
  full_.clear();
  hear({kOne, kTwo, kThree}, 12'000);
  EXPECT_EQ(now().leader, kOne);
}

TEST_F(ControllerTest, an_old_report_does_not_give_a_node_space) {
  hear({kOne, kTwo, kThree});
  const Revision before{revision_};
  full_ = {kOne};
  hear({kOne, kTwo, kThree}, 5'000);
  ASSERT_EQ(now().leader, kTwo);
  ASSERT_GT(Revision{revision_}, before);
  controller_->on_heartbeat({.node = kOne, .epoch = epoch_of(kOne), .applied = before});
  hear({}, 1'000);
  EXPECT_EQ(now().leader, kTwo);
}

TEST_F(ControllerTest, if_all_disks_are_full_no_leader_moves) {
  hear({kOne, kTwo, kThree});
  full_ = {kOne};
  hear({kOne, kTwo, kThree}, 500);
  full_ = {kOne, kTwo, kThree};
  const int commands = commands_;
  hear({kOne, kTwo, kThree}, 30'000);
  EXPECT_EQ(now().leader, kTwo);
  EXPECT_EQ(commands_, commands);
  full_ = {kOne, kTwo};
  hear({kOne, kTwo, kThree}, 500);
  EXPECT_EQ(now().leader, kThree);
  hear({kOne, kTwo}, 3'000);
  EXPECT_EQ(now().leader, kOne) << "a full one leads where nobody else can";
}

// The node's heartbeats arrive, but other nodes cannot fetch from it. As the leader it could not answer requests
// with acks=all.
TEST_F(ControllerTest, a_node_that_does_not_hear_the_controller_leads_only_if_no_other_can) {
  hear({kOne, kTwo, kThree});
  deaf_ = {kOne};
  hear({kOne, kTwo, kThree}, 500);
  EXPECT_EQ(now().leader, kTwo);
  EXPECT_EQ(now().isr, now().replicas) << "its new leader knows whether it follows";
  EXPECT_FALSE(table_.snapshot()->find(kOne)->is_fenced);
  hear({kOne, kTwo, kThree}, 30'000);
  EXPECT_EQ(now().leader, kTwo);
  deaf_.clear();
  hear({kOne, kTwo, kThree}, 12'000);
  EXPECT_EQ(now().leader, kOne);
}

TEST_F(ControllerTest, if_a_node_that_hears_nothing_is_alone_in_sync_an_eligible_one_leads) {
  hear({kOne, kTwo, kThree});
  controller_->on_proposal(proposal({kOne}));
  EXPECT_EQ(now().eligible, (std::vector{kTwo, kThree}));
  hear({kOne, kTwo, kThree}, 5'000);
  EXPECT_EQ(now().leader, kOne) << "what it has taken with acks=1 only it has";
  full_ = {kOne};
  hear({kOne, kTwo, kThree}, 5'000);
  EXPECT_EQ(now().leader, kOne);
  full_ = {kTwo};
  deaf_ = {kOne};
  hear({kOne, kTwo, kThree}, 500);
  EXPECT_EQ(now().leader, kThree);
  EXPECT_EQ(now().isr, std::vector{kThree});
  EXPECT_EQ(now().eligible, (std::vector{kOne, kTwo}));
}

TEST_F(ControllerTest, a_node_that_hears_nothing_keeps_partitions_no_other_has) {
  const storage::TopicPartition other{Uuid{{2}}, PartitionId{0}};
  PartitionAssignment made{.partition = other, .replicas = {kOne}};
  made.isr = made.replicas;
  apply(storage::encode_assign_partition(made));
  hear({kOne, kTwo, kThree});
  deaf_ = {kOne};
  hear({kOne, kTwo, kThree}, 5'000);
  EXPECT_EQ(now().leader, kTwo);
  EXPECT_EQ(table_.snapshot()->find(other)->leader, kOne);
}

TEST_F(ControllerTest, a_controller_that_most_do_not_hear_decides_nothing_and_resigns) {
  hear({kOne, kTwo, kThree});
  deaf_ = {kOne, kTwo};
  const int commands = commands_;
  hear({kOne, kTwo, kThree}, 5'000);
  EXPECT_EQ(commands_, commands);
  EXPECT_GT(resigned_, 0);
  // Nodes report which other nodes they do not hear. These reports have no effect here, because no other controller
  // exists.
  decide_alone();
  hear({kOne, kTwo, kThree}, 5'000);
  EXPECT_EQ(now().leader, kOne);
}

TEST_F(ControllerTest, leaders_are_moved_back_to_the_preferred_replica_now_and_then) {
  hear({kOne, kTwo, kThree});
  hear({kTwo, kThree}, 2'000);
  hear({kOne, kTwo, kThree}, 500);
  controller_->on_proposal(proposal({kOne, kTwo, kThree}));
  hear({kOne, kTwo, kThree}, 1'000);
  EXPECT_EQ(now().leader, kTwo);
  hear({kOne, kTwo, kThree}, 10'000);
  EXPECT_EQ(now().leader, kOne);
}

TEST_F(ControllerTest, the_last_ones_in_sync_stay_when_all_are_away) {
  hear({kOne, kTwo, kThree});
  decide_alone();
  hear({}, 3'000);
  EXPECT_EQ(now().leader, std::nullopt);
  EXPECT_EQ(now().isr, now().replicas);
  hear({kThree});
  EXPECT_EQ(now().leader, kThree);
}

// A case found by simulation: two replicas were fenced, and the third one, the only one in sync,
// lost its disk. The two fenced replicas nevertheless have every record that was ever visible,
// because here a single replica in sync acknowledges nothing.
TEST_F(ControllerTest, members_of_an_isr_that_became_too_small_may_lead_when_the_last_one_is_lost) {
  hear({kOne, kTwo, kThree});
  decide_alone();
  hear({kThree}, 3'000);
  EXPECT_EQ(now().isr, std::vector{kThree});
  EXPECT_EQ(now().eligible, (std::vector{kOne, kTwo}));
  register_node(kThree, 99);
  EXPECT_TRUE(now().isr.empty());
  hear({kThree}, 500);
  EXPECT_EQ(now().leader, std::nullopt) << "it has nothing";
  hear({kTwo, kThree}, 500);
  EXPECT_EQ(now().leader, kTwo);
  EXPECT_EQ(now().isr, std::vector{kTwo});
  controller_->on_proposal(proposal({kTwo, kThree}));
  EXPECT_EQ(now().isr, (std::vector{kTwo, kThree}));
  EXPECT_TRUE(now().eligible.empty());
}

TEST_F(ControllerTest, a_proposal_counts_for_what_its_leader_had_read_and_for_its_members) {
  hear({kOne, kTwo, kThree});
  auto late = proposal({kOne, kTwo});
  --late.version;
  controller_->on_proposal(late);
  auto of_another = proposal({kOne, kTwo});
  of_another.isr[1].epoch = of_another.isr[1].epoch - 1;
  controller_->on_proposal(of_another);
  EXPECT_EQ(now().isr, now().replicas);
  controller_->on_proposal(proposal({kOne, kTwo}));
  EXPECT_EQ(now().isr, (std::vector{kOne, kTwo}));
}

TEST_F(ControllerTest, a_proposal_without_a_change_ends_the_earlier_ones) {
  hear({kOne, kTwo, kThree});
  controller_->on_proposal(proposal({kOne}));
  hear({kOne, kTwo, kThree});
  const auto late = proposal({kOne, kTwo}), now_so = proposal({kOne});
  controller_->on_proposal(now_so);
  hear({kOne, kTwo, kThree});
  EXPECT_EQ(now().isr, std::vector{kOne});
  EXPECT_EQ(now().version, now_so.version + 1);
  controller_->on_proposal(late);
  hear({kOne, kTwo, kThree});
  EXPECT_EQ(now().isr, std::vector{kOne});
  EXPECT_EQ(now().version, now_so.version + 1);
}

TEST_F(ControllerTest, a_new_controller_gives_everybody_the_time_to_be_heard_of) {
  hear({kOne, kTwo, kThree});
  ControllerPort& port = *this;
  controller_.emplace(port, clock_, settings_);
  controller_->applied(table_.snapshot(), Revision{revision_});
  hear({kTwo, kThree}, 900);
  EXPECT_EQ(now().leader, kOne);
  hear({kTwo, kThree}, 200);
  EXPECT_EQ(now().leader, kTwo);
}

// If the controller decided without a majority, it would consider the other nodes dead, and become the only leader of
// partitions that no client can write to.
TEST_F(ControllerTest, a_controller_that_hears_no_majority_decides_nothing_and_resigns) {
  hear({kOne, kTwo, kThree});
  const int commands = commands_;
  hear({kOne}, 5'000);
  EXPECT_EQ(commands_, commands);
  EXPECT_EQ(now().leader, kOne);
  EXPECT_GT(resigned_, 0);
  resigned_ = 0;
  hear({kOne, kThree}, 2'000);
  EXPECT_EQ(resigned_, 0);
  EXPECT_EQ(now().isr, (std::vector{kOne, kThree}));
}

// The last heartbeats arrived at different times, so some nodes are overdue earlier than others.
TEST_F(ControllerTest, a_controller_that_is_cut_off_fences_no_node_before_it_knows) {
  for (const NodeId id : {kFour, NodeId{5}}) register_node(id, id.value());
  hear({kOne, kTwo, kThree, kFour, NodeId{5}}, 200);
  EXPECT_EQ(now().leader, kOne);
  // Node 1 hears itself. The last heartbeats of nodes 2 and 3 came 300 us before those of nodes 4
  // and 5.
  hear({kOne, kFour, NodeId{5}}, 300);
  const int commands = commands_;
  hear({kOne}, 3'000);
  EXPECT_EQ(commands_, commands);
  EXPECT_GT(resigned_, 0);
  EXPECT_EQ(now().isr, now().replicas);
  // As soon as the controller hears a majority, it removes the silent nodes from the ISR.
  hear({kOne, kFour, NodeId{5}}, 1'000);
  EXPECT_EQ(now().isr, std::vector<NodeId>{kOne});
}

TEST_F(ControllerTest, a_dead_node_does_not_count_for_the_majority) {
  hear({kOne, kTwo, kThree});
  controller_->on_disconnected(kOne);
  controller_->on_disconnected(kTwo);
  hear({kThree}, 5'000);
  EXPECT_EQ(resigned_, 0);
  EXPECT_EQ(now().leader, kThree);
}

TEST_F(ControllerTest, a_controller_without_a_successor_decides_alone_until_it_hears_the_others) {
  hear({kOne, kTwo, kThree});
  decide_alone();
  hear({kTwo}, 3'000);
  EXPECT_EQ(resigned_, 0);
  EXPECT_EQ(now().leader, kTwo);
  hear({kOne, kTwo, kThree}, 500);
  hear({kTwo}, 3'000);
  EXPECT_GT(resigned_, 0);
}

TEST_F(ControllerTest, a_controller_that_was_held_up_takes_no_node_for_silent) {
  hear({kOne, kTwo, kThree});
  clock_.advance_us(5'000);
  controller_->tick();
  EXPECT_FALSE(table_.snapshot()->find(kOne)->is_fenced);
  hear({kTwo, kThree}, 2'000);
  EXPECT_TRUE(table_.snapshot()->find(kOne)->is_fenced);
}

TEST_F(ControllerTest, decisions_for_many_partitions_are_split_into_several_commands) {
  for (int32_t number = 1; number <= 20; ++number) {
    PartitionAssignment assignment{{kPartition.topic, PartitionId{number}}};
    assignment.replicas = assignment.isr = {kOne, kTwo, kThree};
    apply(storage::encode_assign_partition(assignment));
  }
  settings_.max_command_bytes = 100;
  ControllerPort& port = *this;
  controller_.emplace(port, clock_, settings_);
  commands_ = 0;
  hear({kOne, kTwo, kThree}, 2'000);
  EXPECT_GT(commands_, 5);
  for (int32_t number = 1; number <= 20; ++number)
    EXPECT_EQ(table_.snapshot()->find({kPartition.topic, PartitionId{number}})->leader, kOne);
}

// --- Replicas that move

class MovingTest : public ControllerTest {
 protected:
  MovingTest() {
    register_node(kFour, 4);
    hear(all_);
    apply(storage::encode_move_replicas(kPartition, {kFour, kTwo, kOne}));
  }
  const std::vector<NodeId> all_{kOne, kTwo, kThree, kFour};
};

TEST_F(MovingTest, old_replicas_are_removed_when_the_new_ones_are_in_sync) {
  hear(all_, 500);
  EXPECT_EQ(now().replicas, (std::vector{kFour, kTwo, kOne, kThree}));
  EXPECT_EQ(now().leader, kOne);
  const LeaderEpoch before = now().leader_epoch;
  controller_->on_proposal(proposal({kOne, kTwo, kThree, kFour}));
  EXPECT_EQ(now().replicas, (std::vector{kFour, kTwo, kOne}));
  EXPECT_EQ(now().isr, now().replicas);
  EXPECT_FALSE(now().is_moving());
  EXPECT_EQ(now().leader, kOne) << "it has not gone";
  EXPECT_EQ(now().leader_epoch, before + 1) << "what node 3 has said counts no more";
}

TEST_F(MovingTest, the_leadership_goes_where_the_replicas_do) {
  apply(storage::encode_move_replicas(kPartition, {kFour, kTwo}));
  hear(all_, 500);
  EXPECT_EQ(now().leader, kOne);
  controller_->on_proposal(proposal({kOne, kTwo, kThree, kFour}));
  EXPECT_EQ(now().replicas, (std::vector{kFour, kTwo}));
  EXPECT_EQ(now().leader, kFour);
}

TEST_F(MovingTest, a_move_waits_while_too_few_of_the_remaining_replicas_are_in_sync) {
  hear({kOne, kThree, kFour}, 2'000);
  apply(storage::encode_move_replicas(kPartition, {kTwo, kFour}));
  hear({kOne, kThree, kFour}, 500);
  controller_->on_proposal(proposal({kOne, kThree, kFour}));
  EXPECT_TRUE(now().is_moving()) << "node 4 would be alone";
  hear(all_, 500);
  controller_->on_proposal(proposal({kOne, kTwo, kThree, kFour}));
  EXPECT_EQ(now().replicas, (std::vector{kTwo, kFour}));
}

// A node that has lost its disk is listed as in sync until it has registered again. If the other replicas were removed
// before that, only this empty one would remain.
TEST_F(MovingTest, replicas_are_not_removed_before_the_remaining_ones_have_read_of_it) {
  hear(all_, 500);
  controller_->on_proposal(proposal({kOne, kTwo, kThree, kFour}));
  hear(all_, 500);
  ASSERT_FALSE(now().is_moving());
  apply(storage::encode_move_replicas(kPartition, {kTwo}));
  const int64_t before = revision_ - 1;
  hear_read({{kOne, INT64_MAX}, {kTwo, before}, {kThree, INT64_MAX}, {kFour, INT64_MAX}}, 300);
  EXPECT_TRUE(now().is_moving())
      << "node 2 may be dead: it was heard of, but has read nothing since";
  hear(all_, 500);
  EXPECT_EQ(now().replicas, std::vector{kTwo});
  EXPECT_EQ(now().leader, kTwo);
}

TEST_F(MovingTest, a_move_that_is_called_off_leaves_a_leader) {
  controller_->on_proposal(proposal({kOne, kTwo, kThree}));
  apply(storage::encode_move_replicas(kPartition, {}));
  hear(all_, 500);
  EXPECT_EQ(now().replicas, (std::vector{kTwo, kOne, kThree}));
  EXPECT_EQ(now().leader, kOne);
}

TEST_F(ControllerTest, how_far_each_node_has_read_is_known_by_its_heartbeats) {
  hear({kOne, kTwo, kThree}, 1'000);
  clock_.advance_us(5'000'000);
  const int64_t known = revision_;
  hear_read({{kOne, INT64_MAX}, {kTwo, known - 1}}, 2'000);
  const NodesProgress told = controller_->progress();
  EXPECT_EQ(told.known, Revision{revision_});
  ASSERT_EQ(told.nodes.size(), 3U);
  EXPECT_EQ(told.nodes[0], (NodesProgress::Node{kOne, Revision{revision_}, 0, 0}));
  EXPECT_EQ(told.nodes[1].node, kTwo);
  EXPECT_EQ(told.nodes[1].applied, Revision{known}) << "it has read more before";
  EXPECT_EQ(told.nodes[1].heard_ms, 0);
  EXPECT_EQ(told.nodes[2].node, kThree);
  EXPECT_GE(told.nodes[2].heard_ms, 5'000);
  EXPECT_GE(told.nodes[2].caught_up_ms, 5'000);
}

// As with Kafka's lastCaughtUpTimestamp, a reader's report may show that it has read everything
// that was known at its previous report. It then counts as caught up as of the time of the previous
// report.
TEST_F(ControllerTest, a_node_that_has_read_all_that_was_known_before_is_caught_up) {
  MetadataProgress progress;
  progress.heard(Revision{3}, Revision{4}, 1'000);
  EXPECT_EQ(progress.caught_up_us(), -1);
  progress.heard(Revision{4}, Revision{6}, 2'000);
  EXPECT_EQ(progress.caught_up_us(), 1'000);
  progress.heard(Revision{5}, Revision{8}, 3'000);
  EXPECT_EQ(progress.caught_up_us(), 1'000);
  progress.heard(Revision{8}, Revision{8}, 4'000);
  EXPECT_EQ(progress.caught_up_us(), 4'000);
  EXPECT_EQ(progress.heard_us(), 4'000);
}

TEST_F(ControllerTest, a_node_that_was_never_heard_is_reported_as_such) {
  const NodesProgress told = controller_->progress();
  ASSERT_EQ(told.nodes.size(), 3U);
  EXPECT_EQ(told.nodes[0], (NodesProgress::Node{kOne, Revision{-1}, -1, -1}));
}

}  // namespace
}  // namespace server
