#include <algorithm>
#include <utility>

#include "server/kafka/handlers/handlers.h"
#include "server/kafka/wire_errors.h"
#include "server/net/address.h"

namespace server::kafka {

namespace {

using DescribeQuorumAnswer = DescribeQuorumResponse::Topic::Partition;

// Describes a single node, which has the metadata log, leads it and is the only voter.
void describe_own(const HandlerContext& context, DescribeQuorumAnswer& answer) {
  const NodeView& node = context.node;
  const int64_t now_ms = context.clock.wall_ms();
  answer.leader_id = node.node_id;
  answer.leader_epoch = 0;
  answer.high_watermark = context.backend.metadata_revision().value();
  answer.current_voters.push_back({.replica_id = node.node_id,
                                   .log_end_offset = answer.high_watermark,
                                   .last_fetch_timestamp = now_ms,
                                   .last_caught_up_timestamp = now_ms});
}

// Describes a cluster. The metadata log is in etcd, whose members are the real voters. Kafka's
// tools look for the leader among the voters, so the answer lists as voters the nodes that can
// become the controller, which are all nodes.
void describe_in_etcd(const HandlerContext& context, const ClusterView& view,
                      DescribeQuorumAnswer& answer) {
  constexpr int64_t kStaleUs = 10'000'000;
  const ClusterView::MetadataLog* log = view.metadata_log.get();
  if (view.controller_id < 0 || log == nullptr ||
      context.clock.monotonic_us() - log->told_us > kStaleUs) {
    answer.error_code = KafkaError::NotLeaderOrFollower;  // the error makes clients ask again
    answer.error_message = "the controller and its state are not known yet";
    return;
  }
  answer.leader_id = view.controller_id;
  answer.leader_epoch = log->controller_epoch;
  answer.high_watermark = log->end.value();
  for (const ClusterView::MetadataLog::Reader& reader : log->readers) {
    const storage::ClusterNode* node = view.metadata->find(reader.node);
    if (node == nullptr) continue;
    auto& voter = answer.current_voters.emplace_back();
    voter.replica_id = reader.node.value();
    voter.replica_directory_id = node->directory;
    voter.log_end_offset = reader.read.value();
    voter.last_fetch_timestamp = reader.heard_ms;
    voter.last_caught_up_timestamp = reader.caught_up_ms;
  }
  // Another node may have read a newer revision than the controller. The controller is then shown
  // with the newest revision that any node has read, so that no node appears to be ahead of the
  // controller.
  const auto newest = std::ranges::max_element(
      answer.current_voters, {}, &DescribeQuorumAnswer::Voter::last_caught_up_timestamp);
  const auto leader = std::ranges::find(answer.current_voters, answer.leader_id,
                                        &DescribeQuorumAnswer::Voter::replica_id);
  if (leader == answer.current_voters.end()) return;
  leader->last_caught_up_timestamp = newest->last_caught_up_timestamp;
  leader->last_fetch_timestamp =
      std::max(leader->last_fetch_timestamp, leader->last_caught_up_timestamp);
}

DescribeQuorumResponse::Node place_of(int32_t id, std::string host, int32_t port) {
  DescribeQuorumResponse::Node node{.node_id = id};
  node.listeners.push_back(
      {.name = "PLAINTEXT", .host = std::move(host), .port = static_cast<int16_t>(port)});
  return node;
}

}  // namespace

void handle_describe_quorum(HandlerContext& context, DescribeQuorumRequest request,
                            Reply<DescribeQuorumResponse> reply) {
  constexpr std::string_view kMetadataTopic = "__cluster_metadata";
  const auto view = context.backend.cluster();
  DescribeQuorumResponse response;
  for (const DescribeQuorumRequest::Topic& topic : request.topics) {
    DescribeQuorumResponse::Topic& answers = response.topics.emplace_back();
    answers.topic_name = topic.topic_name;
    for (const DescribeQuorumRequest::Topic::Partition& asked : topic.partitions) {
      DescribeQuorumAnswer& answer = answers.partitions.emplace_back();
      answer.partition_index = asked.partition_index;
      if (topic.topic_name != kMetadataTopic || asked.partition_index != 0)
        answer.error_code = KafkaError::UnknownTopicOrPartition;
      else if (view)
        describe_in_etcd(context, *view, answer);
      else
        describe_own(context, answer);
    }
  }
  if (!view)
    response.nodes.push_back(place_of(context.node.node_id, context.node.host, context.node.port));
  else if (view->metadata)
    for (const auto& [id, node] : view->metadata->nodes())
      if (auto address = parse_address(node.clients))
        response.nodes.push_back(place_of(id.value(), std::move(address->host), address->port));
  reply.send(response);
}

}  // namespace server::kafka
