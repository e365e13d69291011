// Chooses the nodes for the replicas of new partitions.
#pragma once
#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "storage/meta/cluster_table.h"

namespace server {

// Chooses `factor` nodes for each of `count` partitions of a topic; `first` is the number of the
// first of these partitions. The first node of each partition is the preferred leader. Live nodes
// get equal shares, alternating between racks. The topic's id decides with which node the
// distribution begins. If fewer nodes are alive than replicas are needed, nodes that are down get
// the remaining replicas, but are not preferred leaders. Fails with InvalidParameter: "4 replicas
// need as many nodes, and the cluster has 3".
Result<std::vector<std::vector<NodeId>>> place_replicas(const storage::ClusterSnapshot& cluster,
                                                        const Uuid& topic, int32_t first,
                                                        int32_t count, int32_t factor);

// Returns the assignments of new partitions. Replicas on live nodes are in sync. Fails with
// NotEnoughReplicas if a partition would have fewer in-sync replicas than min.insync.replicas (of
// the topic or, if the topic has none, of the cluster), because it would accept no writes.
Result<std::vector<storage::PartitionAssignment>> assign_replicas(
    const storage::ClusterSnapshot& cluster, const Uuid& topic, int32_t first,
    const std::vector<std::vector<NodeId>>& replicas, size_t min_insync_replicas,
    std::optional<int32_t> own_min_insync = {});

}  // namespace server
