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
  int64_t session_timeout_us = 400'000;  // a node that sends no heartbeat for this time is fenced
  // A node that sends heartbeats is also fenced if it falls behind in the metadata: it has not
  // read, within this time, a revision that the controller had read (MetadataProgress).
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
  // A proposal of an ISR is valid only for the version of the assignment on which it is based.
  bool checks_versions = true;
  // A proposal is valid only for the processes that it names. If a node has registered again, it is
  // another process and may lack the records.
  bool checks_node_epochs = true;
  // During a move, the old replicas are removed only when the new ones are in sync.
  bool waits_for_new_replicas = true;
  // The leader epoch is raised when replicas are removed. Otherwise, if a removed replica is added
  // again with an empty log, fetches from before its removal would still count.
  bool raises_epoch_of_moved = true;
  // A node that does not read the metadata leads no partition that another node can lead.
  bool fences_who_is_behind = true;
  // A node without disk space for records leads no partition that another node can lead.
  bool spares_full_disks = true;
  // A node that receives nothing from the controller leads no partition that another node can lead.
  bool heeds_who_is_out_of_touch = true;
};

class ControllerPort {
 public:
  virtual ~ControllerPort() = default;
  // Appends the command directly after revision `last` if this node is still the controller. Fails
  // with OutOfOrderSequence if this node is not the controller, or if the log has grown.
  virtual void append(Revision last, storage::MetadataCommand command,
                      std::function<void(Result<Revision>)> done) = 0;
  // Gives up the role if another node can take it. Called repeatedly while too few nodes send
  // heartbeats to this controller.
  virtual void resign() = 0;
  // Informs a process that it is fenced as of a revision that it has not read.
  virtual void tell_fenced(NodeId node, storage::NodeEpoch epoch, Revision revision) = 0;
};

// Each decision is computed from the latest metadata, from the heartbeats, and from the proposals
// of leaders. Only one command is being appended at a time. Whether it succeeds or fails, the next
// decision starts from the metadata at that time, so nothing has to be undone.
//
// A controller without heartbeats from a majority of the nodes may be cut off from them although it
// reaches etcd. Its decisions would then stop all partitions. It resigns instead, so that another
// node decides. Nodes whose processes have ended do not count for the majority. It also resigns if
// a majority reports that it receives nothing from this controller.
//
// A node that sends heartbeats but cannot read etcd does not learn which partitions it leads or
// which replicas are in sync with it. It is fenced after a while. If it leads a partition that no
// other node can lead, it is not fenced and loses only its other partitions.
//
// A node that receives nothing from the controller, although its heartbeats arrive, probably cannot
// be reached by other nodes either. Then no replica can follow it. Its partitions move to other
// replicas where possible. If the node is already the only in-sync replica, they move to the
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
  // `is_last` is true if no other node has become the controller since this node resigned. This
  // controller then decides even without heartbeats from a majority, until it has received them
  // once. `predecessor` is the previous controller, which has been silent and has not renewed its
  // lease for at least the duration of the lease.
  Controller(ControllerPort& port, const Clock& clock, ControllerSettings settings,
             ControllerRules rules = {}, bool is_last = false,
             std::optional<NodeId> predecessor = {});

  // Takes the metadata as of a newer revision. `changed` are the partitions whose assignments have
  // changed.
  void applied(std::shared_ptr<const storage::ClusterSnapshot> cluster, Revision revision,
               std::span<const storage::TopicPartition> changed);
  // Takes the metadata as of a newer revision, in which any assignment may have changed.
  void applied(std::shared_ptr<const storage::ClusterSnapshot> cluster, Revision revision);
  // Takes a heartbeat, which shows that the node is alive. If the node is leaving, is out of touch,
  // or has a full disk, it loses the leadership of each partition that another node can lead.
  void on_heartbeat(const Heartbeat& heartbeat);
  // Called when the node's process is assumed to have ended. The node is fenced unless another
  // heartbeat arrives before the next decision, even if it has never sent a heartbeat to this
  // controller.
  void on_disconnected(NodeId node);
  void on_proposal(storage::IsrProposal proposal);
  // Call it every few milliseconds.
  void tick();
  // Returns how far each node has read the metadata, compared with this controller. The
  // controller's epoch is not set in the result.
  NodesProgress progress() const;
  // Returns whether this controller receives heartbeats from too few nodes. It then decides
  // nothing.
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
  // A command under construction, together with the state that the nodes will have after it.
  struct Draft;
  bool is_alive(const storage::ClusterNode& node, int64_t now_us) const;
  // Returns the size of a majority of the nodes whose processes are not known to have ended.
  size_t majority() const;
  // Returns whether a majority of the nodes has sent a heartbeat within half of the session
  // timeout.
  bool hears_most_now(int64_t now_us) const;
  // Returns whether a majority of the nodes sends heartbeats to this controller, and no majority
  // reports that it receives nothing from this controller.
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
  // Moves of replicas that are under way, each with the revision at which this controller first saw
  // it.
  std::map<storage::TopicPartition, Revision> moves_;
  Revision newest_move_{0};
  bool is_appending_ = false;
  int64_t balanced_us_;
  bool is_last_;
  const std::optional<NodeId> predecessor_;
  bool must_look_ = true;  // something has happened since all partitions were last examined
  std::set<NodeId> available_, unfit_;  // as of the last examination of all partitions
  // partitions that have changed since the last examination of all partitions, and must still be
  // examined
  std::set<storage::TopicPartition> changed_;
  const std::shared_ptr<const char> alive_ = std::make_shared<const char>('\0');
};

}  // namespace server
