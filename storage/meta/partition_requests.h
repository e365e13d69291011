// Requests of operators for partitions and nodes, as functions that compute a new assignment. A
// request is a command of the metadata log. It is appended on the condition that no other command
// comes before it, so the caller knows to which state the request will be applied.
#pragma once
#include <optional>
#include <vector>

#include "storage/meta/cluster_table.h"

namespace storage {

// Returns the assignment that moves the replicas to `target`. If `target` is empty, returns the one
// that undoes the present move. All present replicas are kept until the new ones are in sync: see
// completed_move().
//
// If a replica is still being added and is not in `target`, it is removed immediately. The leader
// epoch is raised in this case, so that fetches from before the removal do not count if the replica
// is added again. Fails with UnknownTopic, and with InvalidParameter if no remaining replica would
// have the visible records.
Result<PartitionAssignment> with_moved_replicas(const ClusterSnapshot& cluster,
                                                const TopicPartition& partition,
                                                const std::vector<NodeId>& target);

// Checks whether an operator may request the move. In addition to the conditions of
// with_moved_replicas(), at least `min_insync_replicas` of the remaining replicas must have the
// visible records.
Status check_move(const ClusterSnapshot& cluster, const TopicPartition& partition,
                  const std::vector<NodeId>& target, size_t min_insync_replicas);

// Returns the assignment at the end of a move, without the replicas to remove. Returns nothing
// unless all added replicas are in sync, and at least `min_insync_replicas` of the replicas that
// stay are. The leader in the result may be one of the removed replicas.
std::optional<PartitionAssignment> completed_move(const PartitionAssignment& assignment,
                                                  size_t min_insync_replicas);

// Returns the assignment with the elected leader. Fails with UnknownTopic, with ObjectState if an
// election is not needed, and with NotLeader if no replica may lead. An unclean election elects
// `wanted`, or without `wanted` the first available replica.
Result<PartitionAssignment> with_elected_leader(const ClusterSnapshot& cluster,
                                                const TopicPartition& partition, Election how,
                                                std::optional<NodeId> wanted = {});

// Returns a partition that has a replica on the node, if one exists.
std::optional<TopicPartition> replica_on(const ClusterSnapshot& cluster, NodeId node);

}  // namespace storage
