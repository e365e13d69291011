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
// decides. Fails with InvalidParameter: "3 replicas need 3 nodes, and 2 are there".
Result<std::vector<std::vector<NodeId>>> place_replicas(const storage::ClusterSnapshot& cluster,
                                                        const Uuid& topic, int32_t first,
                                                        int32_t count, int32_t factor);

}  // namespace server
