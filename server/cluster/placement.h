// Where the replicas of new partitions go.
#pragma once
#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "storage/meta/cluster_table.h"

namespace server {

// Of partitions from `first` on, of a topic of that id: as many nodes for each as `factor` says, the first of which
// is preferred as leader. Nodes that are there get equal shares, racks in turn; of which one begins the topic's id
// decides. Where these are too few, nodes of the cluster that are away get the rest, and lead nothing. Fails with
// InvalidParameter: "4 replicas need as many nodes, and the cluster has 3".
Result<std::vector<std::vector<NodeId>>> place_replicas(const storage::ClusterSnapshot& cluster,
                                                        const Uuid& topic, int32_t first,
                                                        int32_t count, int32_t factor);

// As they are assigned: those are in sync that are there. Fails with NotEnoughReplicas where these would be fewer than
// min.insync.replicas asks for, the topic's own or the cluster's: nobody could write to it.
Result<std::vector<storage::PartitionAssignment>> assign_replicas(
    const storage::ClusterSnapshot& cluster, const Uuid& topic, int32_t first,
    const std::vector<std::vector<NodeId>>& replicas, size_t min_insync_replicas,
    std::optional<int32_t> own_min_insync = {});

}  // namespace server
