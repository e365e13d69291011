// The brokers, topics and partitions of a cluster, read from a Metadata response. Debian's
// librdkafka cannot request topic ids (KIP-516), so this module encodes the request itself.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "client/admin/wire_connection.h"

namespace client {

using TopicPartitionKey = std::pair<std::string, int32_t>;  // topic and number of the partition
using NodeNumbers = std::vector<int32_t>;

struct ClusterNodeListing {
  int32_t id = 0;
  std::string host = {};
  int32_t port = 0;
  std::string rack = {};  // empty: none
};
struct ReplicaListing {
  int32_t leader = -1;  // -1: no leader
  NodeNumbers replicas, in_sync;
  bool is_internal = false;  // a topic of the server itself
};
struct ClusterListing {
  std::vector<ClusterNodeListing> nodes;  // nodes that are registered and alive
  int32_t controller = -1;
  std::map<TopicPartitionKey, ReplicaListing> partitions;
  // The ids of the topics by name, in the form of Kafka's tools: URL-safe base64 without padding.
  std::map<std::string, std::string> topic_ids;
};

inline constexpr int16_t kMetadataApi = 3, kMetadataVersion = 12;
// Builds a metadata request for all topics, which creates no topic.
WireWriter metadata_request();
// Fails with NetworkFailure if the answer is truncated.
Result<ClusterListing> read_metadata(std::string answer);

}  // namespace client
