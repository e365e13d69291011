// Manages the replicas of a node. The metadata decides whether each of them leads or follows.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>

#include "storage/replica/follower_replica.h"
#include "storage/replica/leader_replica.h"
#include "storage/replica/replica_context.h"

namespace storage {

// An assignment takes effect when the log has set the role of the partition (ReplicaLog::set_role).
// The node then leads or follows until the metadata changes. Replicas that the metadata no longer
// assigns to this node are deleted.
//
// Threads: one loop, which also runs the functions that are passed to ReplicaPort::post(). Owner:
// the node.
class ReplicaManager {
 public:
  ReplicaManager(NodeId self, Log& log, LogReader& reader, ReplicaPort& port, const Clock& clock,
                 ReplicaSettings settings, ReplicaRules rules = {});

  // Takes the metadata of a newer revision. `changed` are the partitions whose assignments have
  // changed, and `node_epoch` is that of this node's own registration.
  void apply(std::shared_ptr<const ClusterSnapshot> cluster, NodeEpoch node_epoch,
             std::span<const TopicPartition> changed);

  // Sets the topics that this node observes: it keeps a copy of all their partitions. It follows
  // their leaders even if it is not a replica, and such a copy is in no ISR. If a topic is no
  // longer in the set, the copies that this node only observed are deleted.
  void observe(std::set<Uuid> topics);

  // Suspends this node's leadership, or ends the suspension. A suspended node leads no partition,
  // even if the metadata that it has read names it as leader, because newer metadata may name
  // another leader. The log still accepts records, but no reader will see them, so request handlers
  // must check the leadership before they append. The node continues to follow other leaders.
  void suspend(bool is_suspended);

  void on_fetch(const ReplicaFetch& fetch);
  void on_fetched(ReplicaFetched fetched);
  // Called when a new connection to the node was made. Messages in either direction may have been
  // lost with the previous connection, so fetches are sent again.
  void on_connected(NodeId node);
  // Called when these partitions have new durable records.
  void on_durable(std::span<const TopicPartition> grown);
  // Called every few milliseconds.
  void tick();

  // Returns the shared context. Used by JournalOwner, which belongs to a leader.
  ReplicaContext& context() { return context_; }
  // Returns a description of the replica's current state, for operators.
  std::string describe(const TopicPartition& partition) const;
  // Checks whether this node leads the partition and accepts appends with acks=all. Fails with
  // NotLeader if another node leads, and with NotEnoughReplicas if too few replicas are in sync.
  Status check_leads(const TopicPartition& partition) const;
  // Returns the epoch under which this node follows; nothing if it does not follow.
  std::optional<LeaderEpoch> follows_under(const TopicPartition& partition) const;
  // Returns the leader, never null. Fails with NotLeader.
  Result<const LeaderReplica*> find_leader(const TopicPartition& partition) const;

 private:
  struct Replica {
    PartitionAssignment wanted;
    // The role that was last requested from the log, under the leader epoch `asked_epoch`; nothing
    // while the replica is being deleted.
    std::optional<ReplicaRole> asked;
    LeaderEpoch asked_epoch = {};
    bool is_asking = false;
    std::unique_ptr<LeaderReplica> leader;
    std::unique_ptr<FollowerReplica> follower;
    int64_t retry_at_us = 0;
  };
  void note_space();
  bool keeps(const PartitionAssignment& assignment) const;
  ReplicaRole role_of(const PartitionAssignment& assignment) const;
  // Returns whether this node is suspended and `assignment` names it as the leader. The node then
  // must not lead the partition, and the log keeps its present role.
  bool is_suspended(const PartitionAssignment& assignment) const;
  void apply_one(const TopicPartition& partition);
  void realise(Replica& replica);
  void end_role(const TopicPartition& partition, Replica& replica);
  void make_partition(const TopicPartition& partition);
  bool has_some_of(const TopicPartition& partition) const;
  // Deletes the replica's data. May erase `replica`.
  void forget(Replica& replica);
  void role_taken(const TopicPartition& partition, LeaderEpoch epoch, const Status& status);

  ReplicaContext context_;
  std::map<TopicPartition, Replica> replicas_;
  std::optional<std::set<Uuid>> observed_;  // nothing until observe() is called
  bool is_suspended_ = false;
  const std::shared_ptr<const char> alive_ = std::make_shared<const char>('\0');
};

}  // namespace storage
