#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "server/kafka/handlers/handlers.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

namespace {

using Asked = AlterPartitionReassignmentsRequest::Topic::Partition;
using Answer = AlterPartitionReassignmentsResponse::Topic::Partition;

void refuse(Answer& answer, KafkaError error, std::string message) {
  answer.error_code = error;
  answer.error_message = std::move(message);
}

void check(const HandlerContext& context, const storage::TopicInfo* topic, const Asked& asked,
           Answer& answer) {
  answer.partition_index = asked.partition_index;
  if (!topic || asked.partition_index < 0 || asked.partition_index >= topic->partition_count)
    return refuse(answer, KafkaError::UnknownTopicOrPartition, "there is no such partition");
  if (!asked.replicas)  // which cancels
    return refuse(answer, kNoReassignmentInProgress, "the partition is not being reassigned");
  if (const Status can_be = check_replicas(*asked.replicas, context); !can_be)
    return refuse(answer, kInvalidReplicaAssignment, can_be.error().message);
  if (context.backend.cluster())
    return refuse(answer, KafkaError::InvalidRequest, "replicas cannot be moved between nodes yet");
}

}  // namespace

Status check_replicas(const std::vector<int32_t>& replicas, const HandlerContext& context) {
  const NodeView& node = context.node;
  if (const auto view = context.backend.cluster()) {
    const std::set<int32_t> nodes(replicas.begin(), replicas.end());
    const auto is_there = [&](int32_t id) { return view->find(id) != nullptr; };
    if (!replicas.empty() && nodes.size() == replicas.size() &&
        std::ranges::all_of(nodes, is_there))
      return {};
    return Error{ErrorCode::InvalidParameter,
                 "replicas are assigned to nodes that are there, to each one once"};
  }
  if (replicas == std::vector<int32_t>{node.node_id}) return {};
  return Error{
      ErrorCode::InvalidParameter,
      fmt::format("there is one node, {}, so a partition has one replica, there", node.node_id)};
}

// To the only node there is: what is asked for is so already when it is answered.
void handle_alter_partition_reassignments(HandlerContext& context,
                                          AlterPartitionReassignmentsRequest request,
                                          Reply<AlterPartitionReassignmentsResponse> reply) {
  const auto topics = context.backend.topics();
  AlterPartitionReassignmentsResponse response;
  response.allow_replication_factor_change = request.allow_replication_factor_change;
  for (const AlterPartitionReassignmentsRequest::Topic& topic : request.topics) {
    const storage::TopicInfo* known = topics->find(topic.name);
    AlterPartitionReassignmentsResponse::Topic& answers = response.responses.emplace_back();
    answers.name = topic.name;
    for (const Asked& asked : topic.partitions)
      check(context, known, asked, answers.partitions.emplace_back());
  }
  reply.send(response);
}

void handle_list_partition_reassignments(HandlerContext&, ListPartitionReassignmentsRequest,
                                         Reply<ListPartitionReassignmentsResponse> reply) {
  reply.send({});  // none ever goes on
}

}  // namespace server::kafka
