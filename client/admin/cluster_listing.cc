#include "client/admin/cluster_listing.h"

#include <absl/strings/escaping.h>

namespace client {

namespace {

std::string read_topic_id(WireReader& in) {
  constexpr size_t kTopicIdBytes = 16;
  std::string id;
  for (size_t i = 0; i < kTopicIdBytes; ++i) id += static_cast<char>(in.number<int8_t>());
  return absl::WebSafeBase64Escape(id);
}

void read_partition(WireReader& in, const std::string& topic, bool is_internal,
                    ClusterListing& listing) {
  in.number<int16_t>();  // skips the error
  const auto index = in.number<int32_t>();
  ReplicaListing& partition = listing.partitions[{topic, index}];
  partition.is_internal = is_internal;
  partition.leader = in.number<int32_t>();
  in.number<int32_t>();  // skips the leader epoch
  partition.replicas = in.int32s();
  partition.in_sync = in.int32s();
  in.int32s();  // skips the offline replicas
  in.end();
}

}  // namespace

WireWriter metadata_request() {
  WireWriter request;
  request.count(-1).number<int8_t>(0).number<int8_t>(0).end();
  return request;
}

Result<ClusterListing> read_metadata(std::string answer) {
  WireReader in(std::move(answer));
  ClusterListing listing;
  in.number<int32_t>();  // skips the throttle time
  for (size_t left = in.count(); left > 0 && in.ok(); --left) {
    ClusterNodeListing& node = listing.nodes.emplace_back();
    node.id = in.number<int32_t>();
    node.host = in.text();
    node.port = in.number<int32_t>();
    node.rack = in.text();
    in.end();
  }
  in.text();  // skips the cluster id
  listing.controller = in.number<int32_t>();
  for (size_t left = in.count(); left > 0 && in.ok(); --left) {
    in.number<int16_t>();  // skips the error
    const std::string topic = in.text();
    listing.topic_ids[topic] = read_topic_id(in);
    const bool is_internal = in.number<int8_t>() != 0;
    for (size_t partitions = in.count(); partitions > 0 && in.ok(); --partitions)
      read_partition(in, topic, is_internal, listing);
    in.number<int32_t>();  // skips the permitted operations
    in.end();
  }
  in.end();
  if (!in.is_whole()) return cut_short();
  return listing;
}

}  // namespace client
