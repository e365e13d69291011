// The controller decides which nodes are alive, which node leads each partition, and which replicas are in sync.
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
  int64_t session_timeout_us = 400'000;  // a node without a heartbeat for this long is fenced
  // A node that sends heartbeats but has not read decisions of this age is fenced, too: see
  // MetadataProgress.
  int64_t metadata_lag_max_us = 4'000'000;
  size_t min_insync_replicas = 1;
  // Period in which leaders are moved back to the preferred replicas (Kafka's leader.imbalance.check.interval.seconds).
  int64_t balance_us = 300'000'000;
  // Approximate size limit of one command: etcd accepts at most 1.5 megabytes in a request.
  size_t max_command_bytes = 256 << 10;
};

// Each rule can be switched off by the simulation; see storage::ReplicaRules.
struct ControllerRules {
  // Only a replica that has all visible records may lead.
  bool elects_from_isr = true;
  // A proposal is valid only for the assignment that it was made for.
  bool checks_versions = true;
  // A proposal is valid only for the processes that it names: a node that has registered again is another process.
  bool checks_node_epochs = true;
  // Old replicas are removed only when those that replace them are in sync.
  bool waits_for_new_replicas = true;
  // The leader epoch is raised when replicas are removed: reports of a removed replica must not count when it is added
  // again with an empty log.
  bool raises_epoch_of_moved = true;
  // A node that does not read the metadata leads nothing that another node can lead.
  bool fences_who_is_behind = true;
  // A node without disk space for records leads nothing that another node can lead.
  bool spares_full_disks = true;
  // A node that does not hear the controller leads nothing that another node can lead.
  bool heeds_who_is_out_of_touch = true;
};

class ControllerPort {
 public:
  virtual ~ControllerPort() = default;
  // Appends the command directly after revision `last` if this node is still the controller. Fails
  // with OutOfOrderSequence if this node is not the controller, or if the log has grown.
  virtual void append(Revision last, storage::MetadataCommand command,
                      std::function<void(Result<Revision>)> done) = 0;
  // Gives up the role if another node can take it. Called repeatedly while this controller hears too few nodes.
  virtual void resign() = 0;
  // Informs a process that it is fenced as of a revision that it has not read.
  virtual void tell_fenced(NodeId node, storage::NodeEpoch epoch, Revision revision) = 0;
};

// Each decision is computed from the latest metadata, from the heartbeats, and from the proposals
// of leaders. Only one command is in flight at a time. After every outcome of it, the next decision
// starts from the new metadata, so nothing has to be undone.
//
// A controller that hears no majority of the nodes may be cut off from them although it reaches etcd: its decisions
// would stop all partitions. It resigns instead, so that another node decides. Nodes that are known to be gone do not
// count. It also resigns if a majority reports that it does not hear this controller.
//
// A node that sends heartbeats but does not reach etcd does not learn what it leads or which replicas are in sync with
// it. It is fenced after a while, unless it leads a partition that no other node can lead; then it loses only the other
// partitions.
//
// A node that does not hear the controller, although the controller hears the node, probably cannot
// be reached by other nodes either. Then no replica can follow it. Its partitions move to other
// replicas where possible. If the node is already the only replica in sync, they move to the
// replicas that were in sync before.
//
// A node whose disk is full accepts no records. Its partitions move to other replicas with free
// disk space; nothing else changes for the node. When its disk has space again, the periodic
// balancing returns the partitions whose preferred replica it has.
//
// Invariants:
//   1. an elected leader has all records that were ever visible, and is not fenced: it is in sync or eligible;
//   2. an ISR never becomes empty: the last replicas with all records remain in the ISR while their nodes are down.
//
// Threads: one loop. Owner: the node, while it holds the controller's lease.
class Controller {
 public:
  // `is_last` is true if no other node has become the controller after this node resigned; this controller then decides
  // alone until it hears a majority. `predecessor` is the previous controller, which has not renewed its lease and was
  // silent for at least the duration of the lease.
  Controller(ControllerPort& port, const Clock& clock, ControllerSettings settings,
             ControllerRules rules = {}, bool is_last = false,
             std::optional<NodeId> predecessor = {});

  // Takes over new metadata as of a revision; `changed` are the partitions whose assignments have changed.
  void applied(std::shared_ptr<const storage::ClusterSnapshot> cluster, Revision revision,
               std::span<const storage::TopicPartition> changed);
  // Takes over new metadata in which any assignment may have changed.
  void applied(std::shared_ptr<const storage::ClusterSnapshot> cluster, Revision revision);
  // Takes a heartbeat, which shows that the node is alive. A node that is leaving, out of touch, or has a full disk
  // leads nothing that another node can lead.
  void on_heartbeat(const Heartbeat& heartbeat);
  // Called when the node's process is assumed to have ended. The node is fenced unless another
  // heartbeat arrives before the next decision, even if it has never sent a heartbeat to this
  // controller.
  void on_disconnected(NodeId node);
  void on_proposal(storage::IsrProposal proposal);
  // Call it every few milliseconds.
  void tick();
  // Returns how far each node has read the metadata that this controller has read. The controller's epoch is not set.
  NodesProgress progress() const;
  // Returns whether this controller hears too few nodes; it decides nothing then.
  bool hears_too_few() const;

 private:
  struct Heard {
    storage::NodeEpoch epoch;
    int64_t at_us;
    Revision applied;
    bool is_leaving;
    MetadataProgress progress = {};
    int64_t differing = 0;                               // as reported in its heartbeat
    bool disk_is_full = false, is_out_of_touch = false;  // as reported in its last heartbeat
    storage::FeatureLevel knows = storage::kFirstLevel;
  };
  // A command under construction, with the state of the nodes as it will be.
  struct Draft;
  bool is_alive(const storage::ClusterNode& node, int64_t now_us) const;
  // Returns the size of a majority of the nodes that are not known to be gone.
  size_t majority() const;
  // Returns whether a majority has sent a heartbeat within half the session timeout.
  bool hears_most_now(int64_t now_us) const;
  // Returns whether this controller hears a majority of the nodes, and no majority reports that it does not hear this
  // controller.
  bool is_with_majority() const;
  void decide();
  bool is_fit(const storage::ClusterNode& node, int64_t now_us) const;
  void decide_nodes(Draft& draft) const;
  void tell_fence(NodeId node, bool is_fenced) const;
  bool is_behind(NodeId node) const;
  void note_state(Heard& heard, const Heartbeat& heartbeat) const;
  void tell_changes(const Heard& heard, const Heartbeat& heartbeat) const;
  // Returns the last heartbeat of the registered process of the node; null if none has arrived.
  const Heard* find_heard(const storage::ClusterNode& node) const;
  bool is_unfit(const storage::ClusterNode& node) const;
  bool is_out_of_touch(const storage::ClusterNode& node) const;
  // Returns whether the node leads a partition that no other available node could lead.
  bool leads_alone(const Draft& draft, NodeId node) const;
  void take_proposals(Draft& draft);
  // Returns whether all partitions have to be examined. A decision about a partition depends only
  // on its assignment and on the available nodes. So usually only a few of a hundred thousand
  // partitions have to be examined.
  bool must_look_at_all(const Draft& draft) const;
  void look_at_all(Draft& draft);
  void look_at_changed(Draft& draft);
  bool is_settled(const Draft& draft, const storage::PartitionAssignment& known) const;
  void decide_partition(Draft& draft, const storage::PartitionAssignment& known) const;
  std::optional<NodeId> elect(const Draft& draft,
                              const storage::PartitionAssignment& assignment) const;
  // Returns whether replicas were removed.
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
  // Moves under way, with the revision at which each was first seen.
  std::map<storage::TopicPartition, Revision> moves_;
  Revision newest_move_{0};
  bool is_appending_ = false;
  int64_t balanced_us_;
  bool is_last_;
  const std::optional<NodeId> predecessor_;
  bool must_look_ = true;  // something has happened since all partitions were last examined
  std::set<NodeId> available_, unfit_;         // as of the last examination of all partitions
  std::set<storage::TopicPartition> changed_;  // changed since then, and not examined yet
  const std::shared_ptr<const char> alive_ = std::make_shared<const char>('\0');
};

}  // namespace server
