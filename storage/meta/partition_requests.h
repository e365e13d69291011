// What operators ask of partitions and nodes, as changes of their state: pure. What is asked for is a command of the
// metadata log, on the condition that it is the next one; so whoever asks knows what it will find.
#pragma once
#include <optional>
#include <vector>

#include "storage/meta/cluster_table.h"

namespace storage {

// The replicas are to be `target`, or what they were before they began to move (none). All that were there stay until
// those that are to come are in sync: completed_move().
//
// Who leaves at once, because he was only to come, follows no more; the leader epoch is raised then, so that nothing
// that he has said counts when he comes again. Fails with UnknownTopic; with InvalidParameter where nobody would be left
// who has what is visible.
Result<PartitionAssignment> with_moved_replicas(const ClusterSnapshot& cluster,
                                                const TopicPartition& partition,
                                                const std::vector<NodeId>& target);

// Whether that may be asked for: also that enough of those that would be left have what is visible. Fails likewise.
Status check_move(const ClusterSnapshot& cluster, const TopicPartition& partition,
                  const std::vector<NodeId>& target, size_t min_insync_replicas);

// Without those that are to go, once all who are to come are in sync, and enough of all; nothing before. Its leader may
// be one that has gone.
std::optional<PartitionAssignment> completed_move(const PartitionAssignment& assignment,
                                                  size_t min_insync_replicas);

// Fails with UnknownTopic; with ObjectState where there is nothing to elect, with NotLeader where nobody may be. An
// unclean election takes `wanted`, or the first of the replicas that is there.
Result<PartitionAssignment> with_elected_leader(const ClusterSnapshot& cluster,
                                                const TopicPartition& partition, Election how,
                                                std::optional<NodeId> wanted = {});

// One of the partitions that the node has replicas of, if there is any.
std::optional<TopicPartition> replica_on(const ClusterSnapshot& cluster, NodeId node);

}  // namespace storage
