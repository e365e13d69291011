// What the nodes of a cluster say to each other.
#pragma once
#include <optional>
#include <variant>

#include "base/ids.h"
#include "base/result.h"
#include "storage/meta/cluster_table.h"
#include "storage/replica/journal_entry.h"
#include "storage/replica/replica_messages.h"

namespace server {

// To the controller: Kafka's BrokerHeartbeat.
struct Heartbeat {
  NodeId node;
  storage::NodeEpoch epoch;
  Revision applied;         // so far it has read the metadata
  bool is_leaving = false;  // it is about to stop: what it leads is to be led elsewhere
};

// To the leader of a partition: an output that a task has committed, as an append with acks=all.
struct DeliverOutput {
  storage::TopicPartition journal;  // of the task
  uint64_t number = 0;              // the answer has it again
  storage::TaskOutput output;
};
struct OutputDelivered {
  storage::TopicPartition journal;
  uint64_t number = 0;
  std::optional<Error> error = {};
};

using ClusterMessage =
    std::variant<storage::ReplicaFetch, storage::ReplicaFetched, storage::IsrProposal, Heartbeat,
                 DeliverOutput, OutputDelivered>;

}  // namespace server
