#include "storage/meta/partition_requests.h"

#include <fmt/format.h>

#include <algorithm>

namespace storage {

namespace {

bool is_among(const std::vector<NodeId>& nodes, NodeId node) {
  return std::ranges::find(nodes, node) != nodes.end();
}

std::vector<NodeId> without(std::vector<NodeId> nodes, const std::vector<NodeId>& those) {
  std::erase_if(nodes, [&](NodeId node) { return is_among(those, node); });
  return nodes;
}

// Returns the replicas that are also in `those`, in the order of `replicas`.
std::vector<NodeId> only(const std::vector<NodeId>& replicas, const std::vector<NodeId>& those) {
  std::vector<NodeId> kept;
  for (const NodeId node : replicas)
    if (is_among(those, node)) kept.push_back(node);
  return kept;
}

Result<PartitionAssignment> find(const ClusterSnapshot& cluster, const TopicPartition& partition) {
  const PartitionAssignment* known = cluster.find(partition);
  if (known == nullptr)
    return Error{ErrorCode::UnknownTopic,
                 fmt::format("partition {} of topic {} does not exist", partition.partition.value(),
                             partition.topic.to_string())};
  return *known;
}

bool is_there(const ClusterSnapshot& cluster, NodeId id) {
  const ClusterNode* node = cluster.find(id);
  return node != nullptr && !node->is_fenced;
}

Status check_preferred(const ClusterSnapshot& cluster, const PartitionAssignment& known) {
  const NodeId preferred = known.replicas.front();
  if (known.leader == preferred)
    return Error{ErrorCode::ObjectState, "the partition has its preferred leader"};
  if (!known.is_in_sync(preferred) || !is_there(cluster, preferred))
    return Error{ErrorCode::NotLeader, "the preferred leader is not in sync"};
  return {};
}

}  // namespace

Result<PartitionAssignment> with_moved_replicas(const ClusterSnapshot& cluster,
                                                const TopicPartition& partition,
                                                const std::vector<NodeId>& target) {
  const PartitionAssignment known = TRY(find(cluster, partition));
  PartitionAssignment next = known;
  const std::vector<NodeId> before = without(known.replicas, known.adding);
  next.replicas = target.empty() ? before : target;
  next.adding = without(next.replicas, before);
  next.removing = without(before, next.replicas);
  for (const NodeId node : next.adding)
    if (cluster.find(node) == nullptr)
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("node {} is not part of the cluster", node.value())};
  next.replicas.insert(next.replicas.end(), next.removing.begin(), next.removing.end());
  next.isr = only(next.replicas, known.isr);
  next.eligible = only(next.replicas, known.eligible);
  if (next.isr.empty() && next.eligible.empty() && !(known.isr.empty() && known.eligible.empty()))
    return Error{ErrorCode::InvalidParameter,
                 "none of the remaining replicas has all visible records"};
  if (next.leader && !next.has_replica(*next.leader)) next.leader.reset();
  if (!without(known.replicas, next.replicas).empty()) ++next.leader_epoch;
  ++next.version;
  return next;
}

Status check_move(const ClusterSnapshot& cluster, const TopicPartition& partition,
                  const std::vector<NodeId>& target, size_t min_insync_replicas) {
  const PartitionAssignment known = TRY(find(cluster, partition));
  const PartitionAssignment next = TRY(with_moved_replicas(cluster, partition, target));
  const bool loses =
      next.isr.size() + next.eligible.size() < known.isr.size() + known.eligible.size();
  if (loses && next.isr.size() < next.least_in_sync(min_insync_replicas))
    return Error{ErrorCode::InvalidParameter, "too few of the remaining replicas are in sync"};
  return {};
}

std::optional<PartitionAssignment> completed_move(const PartitionAssignment& assignment,
                                                  size_t min_insync_replicas) {
  if (!assignment.is_moving()) return std::nullopt;
  PartitionAssignment done = assignment;
  done.replicas = without(done.replicas, done.removing);
  done.isr = without(done.isr, done.removing);
  done.eligible = without(done.eligible, done.removing);
  if (!without(done.adding, done.isr).empty()) return std::nullopt;
  done.adding.clear();
  done.removing.clear();
  if (done.isr.size() < std::max<size_t>(done.least_in_sync(min_insync_replicas), 1))
    return std::nullopt;
  return done;
}

Result<PartitionAssignment> with_elected_leader(const ClusterSnapshot& cluster,
                                                const TopicPartition& partition, Election how,
                                                std::optional<NodeId> wanted) {
  PartitionAssignment next = TRY(find(cluster, partition));
  if (how == Election::Preferred) {
    TRY(check_preferred(cluster, next));
    next.leader = next.replicas.front();
  } else {
    const auto may_lead = [&](NodeId node) {
      return (next.is_in_sync(node) || next.is_eligible(node)) && is_there(cluster, node);
    };
    if (next.leader || std::ranges::any_of(next.replicas, may_lead))
      return Error{ErrorCode::ObjectState, "the partition has a leader, or is about to have one"};
    const auto first = std::ranges::find_if(next.replicas, [&](NodeId node) {
      return is_there(cluster, node) && (!wanted || node == *wanted);
    });
    if (first == next.replicas.end())
      return Error{ErrorCode::NotLeader, wanted ? "the node of the replica with the longest log is "
                                                  "not available"
                                                : "no node with a replica is available"};
    next.leader = *first;
    next.isr = {*first};
    next.eligible.clear();
  }
  ++next.leader_epoch;
  ++next.version;
  return next;
}

std::optional<TopicPartition> replica_on(const ClusterSnapshot& cluster, NodeId node) {
  for (const auto& [partition, assignment] : cluster.partitions())
    if (assignment.has_replica(node)) return partition;
  return std::nullopt;
}

}  // namespace storage
