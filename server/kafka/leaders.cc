#include "server/kafka/leaders.h"

namespace server::kafka {

using storage::PartitionAssignment;
using storage::ReplicaRole;

// One that clients cannot turn to is none.
int32_t Leaders::leader_of(const PartitionAssignment* known) const {
  const bool is_there =
      known != nullptr && known->leader && view_->find(known->leader->value()) != nullptr;
  return is_there ? known->leader->value() : -1;
}

Leaders::Answer Leaders::of(const storage::TopicPartition& partition) const {
  if (!view_) return {};
  const PartitionAssignment* known = view_->metadata->find(partition);
  if (known == nullptr || known->leader != view_->self)
    return {KafkaError::NotLeaderOrFollower, leader_of(known),
            known != nullptr ? known->leader_epoch.value() : -1};
  // The log takes the role a moment later. Until then it may believe that it has the only replica, and acknowledge what
  // nobody else has.
  const auto status = backend_.find_partition(partition);
  const auto role = known->replicas.size() > 1 ? ReplicaRole::Leader : ReplicaRole::Alone;
  if (!status || status->role() != role || status->leader_epoch() != known->leader_epoch)
    return {KafkaError::NotLeaderOrFollower, -1, -1};
  return {};
}

bool Leaders::has_min_isr(const storage::TopicPartition& partition) const {
  const PartitionAssignment* known = view_ ? view_->metadata->find(partition) : nullptr;
  return known == nullptr || known->isr.size() >= known->least_in_sync(view_->min_insync_replicas);
}

}  // namespace server::kafka
