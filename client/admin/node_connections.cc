#include "client/admin/node_connections.h"

#include <fmt/format.h>

#include "client/admin/bootstrap.h"

namespace client {

Result<NodeConnections> NodeConnections::open(const std::string& bootstrap_server,
                                              const Properties& properties) {
  NodeConnections nodes(TRY(Bootstrap(bootstrap_server, properties).connect()), properties);
  TRY(nodes.read_cluster());
  return nodes;
}

Status NodeConnections::read_cluster() {
  std::string answer = TRY(ask(kBootstrap, kMetadataApi, kMetadataVersion, metadata_request()));
  ClusterListing listing = TRY(read_metadata(std::move(answer)));
  for (const ClusterNodeListing& node : listing.nodes)
    addresses_[node.id] = fmt::format("{}:{}", node.host, node.port);
  partitions_ = std::move(listing.partitions);
  return {};
}

Result<WireConnection*> NodeConnections::node(int32_t id) {
  const auto known = connections_.find(id);
  if (known != connections_.end()) return &known->second;
  const auto address = addresses_.find(id);
  if (address == addresses_.end())
    return Error{ErrorCode::InvalidParameter, fmt::format("broker {} does not exist", id)};
  return &connections_.emplace(id, TRY(WireConnection::open(address->second, properties_)))
              .first->second;
}

Result<std::string> NodeConnections::ask(int32_t id, int16_t api_key, int16_t version,
                                         const WireWriter& request) {
  WireConnection* const connection = TRY(node(id));
  return connection->ask(api_key, version, request);
}

Result<int32_t> NodeConnections::leader_of(const TopicPartitionKey& partition) const {
  const auto found = partitions_.find(partition);
  if (found != partitions_.end()) return found->second.leader;
  return Error{ErrorCode::InvalidParameter,
               fmt::format("partition {}-{} does not exist", partition.first, partition.second)};
}

}  // namespace client
