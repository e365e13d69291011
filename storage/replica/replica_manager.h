// The replicas of a node. The metadata decides whether each leads or follows.
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

// An assignment takes effect when the log has taken the role; this node then leads or follows until
// the metadata changes. Replicas that are now assigned to other nodes are deleted.
//
// Threads: one loop, on which ReplicaPort::post() runs things. Owner: the node.
class ReplicaManager {
 public:
  ReplicaManager(NodeId self, Log& log, LogReader& reader, ReplicaPort& port, const Clock& clock,
                 ReplicaSettings settings, ReplicaRules rules = {});

  // Takes the metadata of a newer revision, and the partitions whose assignments have changed.
  // `node_epoch` is from this node's own registration.
  void apply(std::shared_ptr<const ClusterSnapshot> cluster, NodeEpoch node_epoch,
             std::span<const TopicPartition> changed);

  // Sets the topics of which this node has a copy of all partitions. The node follows the leaders
  // of these partitions even where it is not a replica, and is then in no ISR (an observer). Copies
  // that this node only observed, of topics that are no longer named, are deleted.
  void observe(std::set<Uuid> topics);

  // Suspends this node's leadership, or ends the suspension. While suspended, this node leads no
  // partition, even if the metadata that it has read names it: newer metadata may differ. The log
  // still accepts records, which no reader will see, so request handlers check leadership before
  // they append. Following continues.
  void suspend(bool is_suspended);

  void on_fetch(const ReplicaFetch& fetch);
  void on_fetched(ReplicaFetched fetched);
  // Notes that the connection to the node is new. Messages in either direction may be lost with the
  // earlier connection.
  void on_connected(NodeId node);
  // Notes that the log has appended to these partitions.
  void on_durable(std::span<const TopicPartition> grown);
  // Called every few milliseconds.
  void tick();

  // Returns the shared context, for objects that leader replicas own (JournalOwner).
  ReplicaContext& context() { return context_; }
  // Reports the replica's current state, for operators.
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
    std::optional<ReplicaRole>
        asked;  // role that was requested of the log, under `asked_epoch`; nothing if the replica
                // is deleted
    LeaderEpoch asked_epoch = {};
    bool is_asking = false;
    std::unique_ptr<LeaderReplica> leader;
    std::unique_ptr<FollowerReplica> follower;
    int64_t retry_at_us = 0;
  };
  bool keeps(const PartitionAssignment& assignment) const;
  ReplicaRole role_of(const PartitionAssignment& assignment) const;
  // Returns whether the suspension forbids a change of role: the log keeps its present role.
  bool is_suspended(const PartitionAssignment& assignment) const;
  void apply_one(const TopicPartition& partition);
  void realise(Replica& replica);
  void end_role(const TopicPartition& partition, Replica& replica);
  void make_partition(const TopicPartition& partition);
  bool has_some_of(const TopicPartition& partition) const;
  // May erase `replica`.
  void forget(Replica& replica);
  void role_taken(const TopicPartition& partition, LeaderEpoch epoch, const Status& status);

  ReplicaContext context_;
  std::map<TopicPartition, Replica> replicas_;
  std::optional<std::set<Uuid>> observed_;  // nothing until observe() is called
  bool is_suspended_ = false;
  const std::shared_ptr<const char> alive_ = std::make_shared<const char>('\0');
};

}  // namespace storage
