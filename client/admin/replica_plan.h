// Computes plans for the placement of replicas. The functions do no I/O.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "client/admin/cluster_admin.h"

namespace client {

using ReplicaPlan = std::map<TopicPartitionKey, NodeNumbers>;

// Places the replicas of all partitions of the topics on `nodes`, in rotation, with alternating
// racks. Each partition keeps its number of replicas. Fails with InvalidParameter if there are
// fewer nodes than replicas.
Result<ReplicaPlan> plan_generated(const ClusterListing& cluster,
                                   const std::set<std::string>& topics,
                                   const std::set<int32_t>& nodes);

// Moves the replicas of `leaving` to the nodes with the fewest replicas, if possible in racks
// without another replica. All other replicas stay where they are. Fails with InvalidParameter if
// there are too few nodes. Fails with ObjectState if `leaving` is not running and has the only
// replica in sync of a partition, because such a move would never end.
Result<ReplicaPlan> plan_without(const ClusterListing& cluster, int32_t leaving);

// Moves replicas from nodes with more replicas to nodes with fewer, until their numbers differ by
// at most one, and balances the preferred leaders in the same way. Uses as few moves as possible.
ReplicaPlan plan_balanced(const ClusterListing& cluster);

// Moves replicas to `newcomer`, from the nodes with most replicas, until it has its share. No other
// node gets replicas. Then balances the preferred leaders.
ReplicaPlan plan_share_of(const ClusterListing& cluster, int32_t newcomer);

// Gives every partition at least `replicas` replicas. New replicas are placed in racks without
// another replica if possible, and there on the nodes with the fewest replicas. Fails with
// InvalidParameter if there are too few nodes.
Result<ReplicaPlan> plan_wider(const ClusterListing& cluster, size_t replicas);

}  // namespace client
