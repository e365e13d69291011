#include "server/kafka/handlers/handlers.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

// Of the metadata log: one node has it, leads it and is all that there is to vote.
void handle_describe_quorum(HandlerContext& context, DescribeQuorumRequest request,
                            Reply<DescribeQuorumResponse> reply) {
  constexpr std::string_view kMetadataTopic = "__cluster_metadata";
  const NodeView& node = context.node;
  const int64_t now_ms = context.clock.wall_ms();
  DescribeQuorumResponse response;
  for (const DescribeQuorumRequest::Topic& topic : request.topics) {
    DescribeQuorumResponse::Topic& answers = response.topics.emplace_back();
    answers.topic_name = topic.topic_name;
    for (const DescribeQuorumRequest::Topic::Partition& asked : topic.partitions) {
      DescribeQuorumResponse::Topic::Partition& answer = answers.partitions.emplace_back();
      answer.partition_index = asked.partition_index;
      if (context.backend.cluster()) {
        answer.error_code = KafkaError::InvalidRequest;  // who votes is etcd's matter
        continue;
      }
      if (topic.topic_name != kMetadataTopic || asked.partition_index != 0) {
        answer.error_code = KafkaError::UnknownTopicOrPartition;
        continue;
      }
      answer.leader_id = node.node_id;
      answer.leader_epoch = 0;
      answer.high_watermark = context.backend.metadata_revision().value();
      answer.current_voters.push_back({.replica_id = node.node_id,
                                       .log_end_offset = answer.high_watermark,
                                       .last_fetch_timestamp = now_ms,
                                       .last_caught_up_timestamp = now_ms});
    }
  }
  response.nodes.push_back({.node_id = node.node_id});
  response.nodes.back().listeners.push_back(
      {.name = "PLAINTEXT", .host = node.host, .port = static_cast<int16_t>(node.port)});
  reply.send(response);
}

}  // namespace server::kafka
