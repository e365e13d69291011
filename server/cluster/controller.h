// The node that decides: who is there, who leads which partition, who is in sync.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "server/cluster/cluster_messages.h"
#include "server/cluster/metadata_progress.h"
#include "storage/meta/cluster_table.h"
#include "storage/meta/metadata_log.h"
#include "storage/replica/replica_messages.h"

namespace server {

struct ControllerSettings {
  int64_t session_timeout_us = 400'000;  // without a heartbeat: a node is fenced
  // Who is heard of and does not read for so long what was decided before is, too: see MetadataProgress.
  int64_t metadata_lag_max_us = 4'000'000;
  size_t min_insync_replicas = 1;
  // So often leaders are moved back to the preferred replicas (Kafka's leader.imbalance.check.interval.seconds).
  int64_t balance_us = 300'000'000;
  // What one command may have, about: etcd takes no more than a megabyte and a half at a time.
  size_t max_command_bytes = 256 << 10;
};

// What a simulation switches off, as storage::ReplicaRules.
struct ControllerRules {
  // Only who has all that was visible may lead.
  bool elects_from_isr = true;
  // A proposal counts for the assignment that it was made for.
  bool checks_versions = true;
  // And for the processes that it names: who was registered anew is another one.
  bool checks_node_epochs = true;
  // Replicas go when those that come in their place are in sync.
  bool waits_for_new_replicas = true;
  // The leader epoch is raised when replicas go: what they have said does not count when they come again, without any
  // of what they had.
  bool raises_epoch_of_moved = true;
  // Who does not read the metadata leads nothing that somebody else can.
  bool fences_who_is_behind = true;
  // Nor who has no room for records.
  bool spares_full_disks = true;
  // Nor who hears nothing.
  bool heeds_who_is_out_of_touch = true;
};

class ControllerPort {
 public:
  virtual ~ControllerPort() = default;
  // Appends behind `last` if this node is the controller still. Fails with OutOfOrderSequence when it is not,
  // or the log has moved on.
  virtual void append(Revision last, storage::MetadataCommand command,
                      std::function<void(Result<Revision>)> done) = 0;
  // Another one is to decide, if there is one who can. Asked again for as long as this one hears too few.
  virtual void resign() = 0;
  // The process is fenced as of that revision, which it has not read.
  virtual void tell_fenced(NodeId node, storage::NodeEpoch epoch, Revision revision) = 0;
};

// What it decides follows from the metadata as it read it last, from whom it has heard, and from what leaders
// ask for. One command is on its way at a time, and whatever becomes of it, the next one is decided anew: so
// nothing has to be undone.
//
// Who hears no majority of the nodes may be cut off from them, though it reaches etcd: what it would decide then
// stops all partitions. It resigns instead, so that one of the others decides. Nodes that are known to be gone do not
// count. Likewise where a majority says that it does not hear this one.
//
// A node that is heard of but does not reach etcd does not learn what it leads, nor who is in sync with it: it is fenced
// after a while, unless it leads something that nobody else can; then it gives away the rest.
//
// A node that does not hear the controller, which hears it, is one that the others do not reach: nobody follows it. Others
// lead what it has led, as far as they can, and where it is alone in sync already those who were before.
//
// A node whose disk is full takes no records: others lead what it has led, as far as they can and have room, and it stays
// what it is otherwise. It leads again what it is preferred for by the usual rule.
//
// Invariants:
//   1. a leader has all that was ever visible, and is not fenced, when it is elected: it is in sync, or eligible;
//   2. an ISR becomes no smaller than one: the last ones that have everything stay in it, though they are away.
//
// Threads: one loop. Owner: the node, for as long as it holds the controller's lease.
class Controller {
 public:
  // `is_last`: nobody else has become it after this one had resigned. Then it decides alone, until it hears a majority.
  // `predecessor`: who was it before, and has not renewed his lease: he was silent for that long already.
  Controller(ControllerPort& port, const Clock& clock, ControllerSettings settings,
             ControllerRules rules = {}, bool is_last = false,
             std::optional<NodeId> predecessor = {});

  // The metadata as of a revision, whenever it has moved; `changed` are the partitions whose assignments have.
  void applied(std::shared_ptr<const storage::ClusterSnapshot> cluster, Revision revision,
               std::span<const storage::TopicPartition> changed);
  // Likewise where anything may have.
  void applied(std::shared_ptr<const storage::ClusterSnapshot> cluster, Revision revision);
  // The node is there. Where it is leaving, and for as long as its disk is full or it is out of touch, it leads nothing
  // that somebody else can lead.
  void on_heartbeat(const Heartbeat& heartbeat);
  // Its connection is gone: it is fenced unless it is heard of at once. Also of one that was never heard of here.
  void on_disconnected(NodeId node);
  void on_proposal(storage::IsrProposal proposal);
  // Every few milliseconds.
  void tick();
  // How far each node has read what this one knows; without the controller's epoch.
  NodesProgress progress() const;
  // It decides nothing then.
  bool hears_too_few() const;

 private:
  struct Heard {
    storage::NodeEpoch epoch;
    int64_t at_us;
    Revision applied;
    bool is_leaving;
    MetadataProgress progress = {};
    int64_t differing = 0;                               // as it says
    bool disk_is_full = false, is_out_of_touch = false;  // likewise, in its last word
    storage::FeatureLevel knows = storage::kFirstLevel;
  };
  // A command in the making: the assignments as they will be.
  struct Draft;
  bool is_alive(const storage::ClusterNode& node, int64_t now_us) const;
  // How many nodes are one, of those that are not known to be gone.
  size_t majority() const;
  // Most were heard of only just now.
  bool hears_most_now(int64_t now_us) const;
  // Hears one, and no majority says that it does not hear this one.
  bool is_with_majority() const;
  void decide();
  bool is_fit(const storage::ClusterNode& node, int64_t now_us) const;
  void decide_nodes(Draft& draft) const;
  void tell_fence(NodeId node, bool is_fenced) const;
  bool is_behind(NodeId node) const;
  void note_state(Heard& heard, const Heartbeat& heartbeat) const;
  void tell_changes(const Heard& heard, const Heartbeat& heartbeat) const;
  // Of the process that is registered.
  const Heard* find_heard(const storage::ClusterNode& node) const;
  bool is_unfit(const storage::ClusterNode& node) const;
  bool is_out_of_touch(const storage::ClusterNode& node) const;
  // Whether there is something that nobody else of the draft could lead instead.
  bool leads_alone(const Draft& draft, NodeId node) const;
  void take_proposals(Draft& draft);
  // Whether it looks at all partitions: what there is to decide about one follows from its assignment and from who is
  // available, so mostly it looks at a few of a hundred thousand.
  bool must_look_at_all(const Draft& draft) const;
  void look_at_all(Draft& draft);
  void look_at_changed(Draft& draft);
  bool is_settled(const Draft& draft, const storage::PartitionAssignment& known) const;
  void decide_partition(Draft& draft, const storage::PartitionAssignment& known) const;
  std::optional<NodeId> elect(const Draft& draft,
                              const storage::PartitionAssignment& assignment) const;
  // Whether replicas have gone.
  bool finish_move(const Draft& draft, storage::PartitionAssignment& next) const;
  bool has_read_of_move(const storage::TopicPartition& partition, NodeId node) const;
  void remember_moves(const Draft& draft);
  bool is_moving(const storage::TopicPartition& partition) const;
  bool may_stay(const Draft& draft, const storage::PartitionAssignment& assignment) const;
  void keep_eligible(storage::PartitionAssignment& next,
                     const storage::PartitionAssignment& known) const;
  bool is_acceptable(const Draft& draft, const storage::IsrProposal& proposal,
                     const storage::PartitionAssignment& known) const;

  ControllerPort& port_;
  const Clock& clock_;
  const ControllerSettings settings_;
  const ControllerRules rules_;
  int64_t since_us_, ticked_us_;
  std::shared_ptr<const storage::ClusterSnapshot> cluster_;
  Revision revision_{0};
  std::map<NodeId, Heard> heard_;
  std::map<storage::TopicPartition, storage::IsrProposal> proposals_;
  // That are under way, and when that was known.
  std::map<storage::TopicPartition, Revision> moves_;
  Revision newest_move_{0};
  bool is_appending_ = false;
  int64_t balanced_us_;
  bool is_last_;
  const std::optional<NodeId> predecessor_;
  bool must_look_ = true;  // something has happened since all partitions were looked at
  std::set<NodeId> available_, unfit_;         // when they were
  std::set<storage::TopicPartition> changed_;  // since then, and not looked at
  const std::shared_ptr<const char> alive_ = std::make_shared<const char>('\0');
};

}  // namespace server
