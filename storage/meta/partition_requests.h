// Requests of operators for partitions and nodes, as pure changes of their state. A request is a
// command of the metadata log, on the condition that it is the next one, so the caller knows the
// state that it will be applied to.
#pragma once
#include <optional>
#include <vector>

#include "storage/meta/cluster_table.h"

namespace storage {

// Changes the replicas to `target`, or, if `target` is empty, back to those before the present
// move. All present replicas stay until the new ones are in sync: completed_move().
//
// A replica that was only being added and is not in the target leaves immediately. The leader epoch
// is raised then, so that none of the replica's earlier fetches counts if it is added again. Fails
// with UnknownTopic, and with InvalidParameter if no remaining replica would have the visible
// records.
Result<PartitionAssignment> with_moved_replicas(const ClusterSnapshot& cluster,
                                                const TopicPartition& partition,
                                                const std::vector<NodeId>& target);

// Checks whether the move may be requested. Also requires that enough of the remaining replicas
// have the visible records. Fails like with_moved_replicas().
Status check_move(const ClusterSnapshot& cluster, const TopicPartition& partition,
                  const std::vector<NodeId>& target, size_t min_insync_replicas);

// Returns the assignment without the replicas to remove, once all added ones are in sync and enough
// of all replicas are; nothing before. The leader in the result may be one of the removed replicas.
std::optional<PartitionAssignment> completed_move(const PartitionAssignment& assignment,
                                                  size_t min_insync_replicas);

// Returns the assignment with the elected leader. Fails with UnknownTopic, with ObjectState if an
// election is not needed, and with NotLeader if no replica may lead. An unclean election takes
// `wanted`, or the first available replica.
Result<PartitionAssignment> with_elected_leader(const ClusterSnapshot& cluster,
                                                const TopicPartition& partition, Election how,
                                                std::optional<NodeId> wanted = {});

// Returns a partition that has a replica on the node, if one exists.
std::optional<TopicPartition> replica_on(const ClusterSnapshot& cluster, NodeId node);

}  // namespace storage
