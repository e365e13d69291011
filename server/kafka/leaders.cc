#include "server/kafka/leaders.h"

namespace server::kafka {

using storage::PartitionAssignment;
using storage::ReplicaRole;

// Returns the leader, or -1. A leader that clients cannot reach does not count.
int32_t Leaders::leader_of(const PartitionAssignment* known) const {
  const bool is_there =
      known != nullptr && known->leader && view_->find(known->leader->value()) != nullptr;
  return is_there ? known->leader->value() : -1;
}

Leaders::Answer Leaders::of(const storage::TopicPartition& partition) const {
  if (!view_) return {};
  const PartitionAssignment* known = view_->metadata->find(partition);
  // If this node is missing from its own view of the cluster, it is not the leader: another node
  // has become the leader by a command that this node has not read yet.
  if (known == nullptr || leader_of(known) != view_->self.value())
    return {KafkaError::NotLeaderOrFollower, leader_of(known),
            known != nullptr ? known->leader_epoch.value() : -1};
  // The local log learns its role in the partition shortly after the metadata was applied. Until
  // then it could act as the only replica, and acknowledge records that no other replica has.
  if (!has_role(*known, known->replicas.size() > 1 ? ReplicaRole::Leader : ReplicaRole::Alone))
    return {KafkaError::NotLeaderOrFollower, -1, -1};
  return {};
}

bool Leaders::has_role(const PartitionAssignment& known, ReplicaRole role) const {
  const auto status = backend_.find_partition(known.partition);
  return status && status->role() == role && status->leader_epoch() == known.leader_epoch;
}

bool Leaders::is_in_rack(int32_t node, std::string_view rack) const {
  const ClusterView::Node* known = view_->find(node);
  return known != nullptr && !rack.empty() && known->rack == rack;
}

// In Kafka, followers answer every consumer. A follower of this server refuses consumers in other
// racks, which ask it only because they do not know the leader yet. A follower that is out of sync
// refuses all consumers, because it may be far behind. Refused consumers should read from the
// leader.
Leaders::Answer Leaders::of(const storage::TopicPartition& partition, std::string_view rack) const {
  const Answer leads = of(partition);
  if (leads.error == KafkaError::None || !is_in_rack(view_->self.value(), rack)) return leads;
  const PartitionAssignment* known = view_->metadata->find(partition);
  if (known == nullptr || !known->is_in_sync(view_->self) ||
      !has_role(*known, ReplicaRole::Follower))
    return leads;
  return {};
}

std::optional<int32_t> Leaders::nearer(const storage::TopicPartition& partition,
                                       std::string_view rack) const {
  if (!view_ || rack.empty() || is_in_rack(view_->self.value(), rack)) return std::nullopt;
  const PartitionAssignment* known = view_->metadata->find(partition);
  if (known == nullptr || known->leader != view_->self) return std::nullopt;
  for (const NodeId node : known->isr)
    if (is_in_rack(node.value(), rack)) return node.value();
  return std::nullopt;
}

bool Leaders::is_here(const storage::TopicPartition& partition) const {
  const PartitionAssignment* known = view_ ? view_->metadata->find(partition) : nullptr;
  return !view_ || (known != nullptr && known->has_replica(view_->self));
}

bool Leaders::has_min_isr(const storage::TopicPartition& partition) const {
  const PartitionAssignment* known = view_ ? view_->metadata->find(partition) : nullptr;
  return known == nullptr || known->isr.size() >= known->least_in_sync(view_->min_insync_replicas);
}

}  // namespace server::kafka
