// Computes plans for the placement of replicas. The functions do no I/O.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "client/admin/cluster_admin.h"

namespace client {

using ReplicaPlan = std::map<TopicPartitionKey, NodeNumbers>;

// Places the replicas of all partitions of these topics on `nodes` in turn, alternating racks. Each partition keeps its
// number of replicas. Fails with InvalidParameter if there are fewer nodes than replicas.
Result<ReplicaPlan> plan_generated(const ClusterListing& cluster,
                                   const std::set<std::string>& topics,
                                   const std::set<int32_t>& nodes);

// Moves the replicas of a node to the nodes with the fewest replicas, in racks without another replica if possible; all
// other replicas keep their nodes. Fails with InvalidParameter if there are too few nodes, and with ObjectState if the
// node is away and has the only replica in sync of a partition: such a move would never end.
Result<ReplicaPlan> plan_without(const ClusterListing& cluster, int32_t leaving);

// Moves replicas from nodes with more replicas to nodes with fewer, until they differ by one, and balances preferred
// leaders in the same way. Uses as few moves as possible.
ReplicaPlan plan_balanced(const ClusterListing& cluster);

// Moves replicas to `newcomer` only, from the nodes that have most, until it has its share; balances preferred leaders.
ReplicaPlan plan_share_of(const ClusterListing& cluster, int32_t newcomer);

// Raises every partition to `replicas` replicas. New ones prefer other racks, then the nodes with the fewest replicas.
// Fails with InvalidParameter if there are too few nodes.
Result<ReplicaPlan> plan_wider(const ClusterListing& cluster, size_t replicas);

}  // namespace client
