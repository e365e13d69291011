// What the nodes of a cluster say to each other.
#pragma once
#include <variant>

#include "base/ids.h"
#include "storage/meta/cluster_table.h"
#include "storage/replica/replica_messages.h"

namespace server {

// To the controller: Kafka's BrokerHeartbeat.
struct Heartbeat {
  NodeId node;
  storage::NodeEpoch epoch;
  Revision applied;  // so far it has read the metadata
};

using ClusterMessage =
    std::variant<storage::ReplicaFetch, storage::ReplicaFetched, storage::IsrProposal, Heartbeat>;

}  // namespace server
