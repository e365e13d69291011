// Where replicas could be: pure.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "client/admin/cluster_admin.h"

namespace client {

using ReplicaPlan = std::map<TopicPartitionKey, NodeNumbers>;

// The replicas of these partitions anew, dealt to `nodes` in turn, racks by turns: as many of each as it has. Fails with
// InvalidParameter when there are fewer nodes.
Result<ReplicaPlan> plan_generated(const ClusterListing& cluster,
                                   const std::set<std::string>& topics,
                                   const std::set<int32_t>& nodes);

// What a node has goes to those that have least, in other racks than the rest where there are such; all other replicas
// stay. Fails with InvalidParameter where there are too few nodes.
Result<ReplicaPlan> plan_without(const ClusterListing& cluster, int32_t leaving);

// From nodes that have more replicas than others to those that have fewer, until they differ by one; likewise for who is
// preferred as leader. As few moves as that takes.
ReplicaPlan plan_balanced(const ClusterListing& cluster);

// So many replicas of each partition that has fewer: more come to those that there are, in other racks than these where there
// are such, on nodes that have least. Fails with InvalidParameter where there are too few nodes.
Result<ReplicaPlan> plan_wider(const ClusterListing& cluster, size_t replicas);

}  // namespace client
