// The replicas of a node: as the metadata says, each leads or follows.
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

// Nothing of an assignment counts before the log has taken the role; then this node leads or follows until the
// metadata says otherwise. Of a partition that others have now nothing is kept.
//
// Threads: one loop, on which ReplicaPort::post() runs things. Owner: the node.
class ReplicaManager {
 public:
  ReplicaManager(NodeId self, Log& log, LogReader& reader, ReplicaPort& port, const Clock& clock,
                 ReplicaSettings settings, ReplicaRules rules = {});

  // The metadata as of a newer revision: what this node has to do with the partition now, if anything.
  // `node_epoch` is of its own registration.
  void apply(std::shared_ptr<const ClusterSnapshot> cluster, NodeEpoch node_epoch,
             std::span<const TopicPartition> changed);

  // Topics of which this node has a copy of all partitions, also where none of the replicas is its: there it follows the
  // leader as others do, and is in no ISR (an observer). Those that were told before and are not among them go.
  void observe(std::set<Uuid> topics);

  // While it is, this node leads nothing, whatever the metadata say that it has read: newer ones say something else. The
  // log goes on to take records that nobody will see: who takes them from clients asks before. Follows the leaders that it
  // has read of.
  void suspend(bool is_suspended);

  void on_fetch(const ReplicaFetch& fetch);
  void on_fetched(ReplicaFetched fetched);
  // A connection with the node is new, by which one of the two speaks: what was on its way on another one may be lost.
  void on_connected(NodeId node);
  // The log has appended to these.
  void on_durable(std::span<const TopicPartition> grown);
  // Every few milliseconds.
  void tick();

  // For what else lives with leaders.
  ReplicaContext& context() { return context_; }
  // What the replica is doing: for operators.
  std::string describe(const TopicPartition& partition) const;
  // As which leader this node takes appends with acks=all: NotLeader where another does, NotEnoughReplicas
  // when too few are in sync.
  Status check_leads(const TopicPartition& partition) const;
  // Nothing where this node does not follow.
  std::optional<LeaderEpoch> follows_under(const TopicPartition& partition) const;
  // Never null; fails with NotLeader.
  Result<const LeaderReplica*> find_leader(const TopicPartition& partition) const;

 private:
  struct Replica {
    PartitionAssignment wanted;
    std::optional<ReplicaRole>
        asked;  // of the log, under `asked_epoch`; nothing when it is to be forgotten
    LeaderEpoch asked_epoch = {};
    bool is_asking = false;
    std::unique_ptr<LeaderReplica> leader;
    std::unique_ptr<FollowerReplica> follower;
    int64_t retry_at_us = 0;
  };
  bool keeps(const PartitionAssignment& assignment) const;
  ReplicaRole role_of(const PartitionAssignment& assignment) const;
  // Whether nothing may be done about it: the log keeps the role that it has.
  bool is_suspended(const PartitionAssignment& assignment) const;
  void apply_one(const TopicPartition& partition);
  void realise(Replica& replica);
  void end_role(const TopicPartition& partition, Replica& replica);
  void make_partition(const TopicPartition& partition);
  bool has_some_of(const TopicPartition& partition) const;
  // It may be gone after that.
  void forget(Replica& replica);
  void role_taken(const TopicPartition& partition, LeaderEpoch epoch, const Status& status);

  ReplicaContext context_;
  std::map<TopicPartition, Replica> replicas_;
  std::optional<std::set<Uuid>> observed_;  // nothing: it is still to be told
  bool is_suspended_ = false;
  const std::shared_ptr<const char> alive_ = std::make_shared<const char>('\0');
};

}  // namespace storage
