// Connections to single nodes of a cluster. Used for requests that librdkafka does not have and
// that only a certain node answers, such as the leader of a partition or a coordinator.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "client/admin/cluster_listing.h"
#include "client/admin/wire_connection.h"

namespace client {

// Threads: one.
class NodeConnections {
 public:
  static constexpr int32_t kBootstrap = -1;  // the bootstrap server, instead of a node's id

  // Connects to a bootstrap server and reads the cluster's metadata. Fails with NetworkFailure.
  static Result<NodeConnections> open(const std::string& bootstrap_server,
                                      const Properties& properties);

  // Sends the request to the node and returns the body of its answer. Fails with InvalidParameter if the node does not
  // exist.
  Result<std::string> ask(int32_t node, int16_t api_key, int16_t version,
                          const WireWriter& request);
  // Fails with InvalidParameter if the partition does not exist.
  Result<int32_t> leader_of(const TopicPartitionKey& partition) const;

  const std::map<int32_t, std::string>& addresses() const { return addresses_; }
  const std::map<TopicPartitionKey, ReplicaListing>& partitions() const { return partitions_; }

 private:
  NodeConnections(WireConnection first, Properties properties)
      : properties_(std::move(properties)) {
    connections_.emplace(kBootstrap, std::move(first));
  }
  Status read_cluster();
  Result<WireConnection*> node(int32_t id);

  Properties properties_;                     // the properties for new connections
  std::map<int32_t, std::string> addresses_;  // addresses of the nodes by node id
  std::map<TopicPartitionKey, ReplicaListing> partitions_;
  std::map<int32_t, WireConnection> connections_;
};

}  // namespace client
