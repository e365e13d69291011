#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "server/kafka/handlers/handlers.h"
#include "server/kafka/wire_errors.h"
#include "storage/meta/partition_requests.h"

namespace server::kafka {

namespace {

using storage::PartitionAssignment;
using storage::TopicPartition;
using ReassignmentAsked = AlterPartitionReassignmentsRequest::Topic::Partition;
using ReassignmentAnswer = AlterPartitionReassignmentsResponse::Topic::Partition;

void refuse(ReassignmentAnswer& answer, KafkaError error, std::string message) {
  answer.error_code = error;
  answer.error_message = std::move(message);
}

std::vector<NodeId> node_ids(const std::vector<int32_t>& numbers) {
  std::vector<NodeId> nodes;
  for (const int32_t number : numbers) nodes.push_back(NodeId{number});
  return nodes;
}

std::vector<int32_t> numbers_of(const std::vector<NodeId>& nodes) {
  std::vector<int32_t> numbers;
  for (const NodeId node : nodes) numbers.push_back(node.value());
  return numbers;
}

// Makes the checks that do not depend on the state at the time when the reassignment is carried
// out.
void check(const HandlerContext& context, const storage::TopicInfo* topic,
           const ReassignmentAsked& asked, ReassignmentAnswer& answer) {
  answer.partition_index = asked.partition_index;
  if (!topic || asked.partition_index < 0 || asked.partition_index >= topic->partition_count)
    return refuse(answer, KafkaError::UnknownTopicOrPartition, "the partition does not exist");
  if (context.backend.leads_all() && !asked.replicas)  // null replicas cancel
    return refuse(answer, kNoReassignmentInProgress, "the partition is not being reassigned");
  if (!asked.replicas) return;
  if (const Status can_be = check_replicas(*asked.replicas, context); !can_be)
    return refuse(answer, kInvalidReplicaAssignment, can_be.error().message);
}

// A partition whose replicas will move, or whose move will be cancelled.
struct Move {
  size_t topic, partition;  // where the answer has this partition
  TopicPartition id;
  std::vector<NodeId> target;  // empty: the move is cancelled
};

// The changes of assignments in a request, until it is answered.
struct Moves {
  AlterPartitionReassignmentsResponse response;
  Reply<AlterPartitionReassignmentsResponse> reply;
  std::vector<Move> moves;
  size_t min_insync_replicas;

  ReassignmentAnswer& answer_to(const Move& move) {
    return response.responses[move.topic].partitions[move.partition];
  }
  // Returns the part of the command that starts or cancels the move, or nullopt if the answer
  // contains an error.
  std::optional<std::string> plan(const storage::ClusterSnapshot& cluster, const Move& move) {
    ReassignmentAnswer& answer = answer_to(move);
    answer.error_code = KafkaError::None;
    answer.error_message.reset();
    const PartitionAssignment* known = cluster.find(move.id);
    if (known == nullptr) {
      refuse(answer, KafkaError::UnknownTopicOrPartition, "the partition does not exist");
    } else if (move.target.empty() && !known->is_moving()) {
      refuse(answer, kNoReassignmentInProgress, "the partition is not being reassigned");
    } else if (!move.target.empty() && !response.allow_replication_factor_change &&
               move.target.size() != known->replicas.size() - known->adding.size()) {
      refuse(answer, kInvalidReplicationFactor,
             fmt::format("the partition has {} replicas, not {}, and the request does not allow a "
                         "change of their number",
                         known->replicas.size() - known->adding.size(), move.target.size()));
    } else if (const Status can_be =
                   storage::check_move(cluster, move.id, move.target, min_insync_replicas);
               !can_be) {
      refuse(answer, kInvalidReplicaAssignment, can_be.error().message);
    } else {
      return storage::encode_move_replicas(move.id, move.target);
    }
    return std::nullopt;
  }
};

void begin_moves(HandlerContext& context, std::shared_ptr<Moves> moves) {
  context.backend.change_cluster(
      [moves](const storage::ClusterSnapshot& cluster) {
        std::vector<std::string> parts;
        for (const Move& move : moves->moves)
          if (auto part = moves->plan(cluster, move)) parts.push_back(*std::move(part));
        return parts;
      },
      [moves](const Status& done) {
        if (!done)
          for (const Move& move : moves->moves)
            if (ReassignmentAnswer& answer = moves->answer_to(move);
                answer.error_code == KafkaError::None)
              refuse(answer, kafka_error(done.error().code), done.error().message);
        moves->reply.send(moves->response);
      });
}

}  // namespace

Status check_replicas(const std::vector<int32_t>& replicas, const HandlerContext& context) {
  const NodeView& node = context.node;
  if (const auto view = context.backend.cluster()) {
    const std::set<int32_t> nodes(replicas.begin(), replicas.end());
    if (replicas.empty() || nodes.size() != replicas.size())
      return Error{ErrorCode::InvalidParameter,
                   "replicas must be assigned to at least one node, and to each node once"};
    for (const int32_t id : nodes)
      if (view->metadata->find(NodeId{id}) == nullptr)
        return Error{ErrorCode::InvalidParameter,
                     fmt::format("node {} is not part of the cluster", id)};
    return {};
  }
  if (replicas == std::vector<int32_t>{node.node_id}) return {};
  return Error{ErrorCode::InvalidParameter,
               fmt::format("the only node is {}, so a partition has one replica on that node",
                           node.node_id)};
}

Status check_new_replicas(const std::vector<int32_t>& replicas, const HandlerContext& context) {
  TRY(check_replicas(replicas, context));
  const auto view = context.backend.cluster();
  if (!view) return {};
  const auto there = static_cast<size_t>(
      std::ranges::count_if(replicas, [&](int32_t id) { return view->find(id) != nullptr; }));
  const size_t least = std::min(view->min_insync_replicas, replicas.size());
  if (there >= least) return {};
  return Error{ErrorCode::InvalidParameter,
               fmt::format("{} of the nodes with assigned replicas are available, but "
                           "min.insync.replicas requires {}",
                           there, least)};
}

// Reassigns partitions. On a single node nothing has to move. In a cluster the request is answered
// when the move is in the metadata, and the controller completes the move later.
void handle_alter_partition_reassignments(HandlerContext& context,
                                          AlterPartitionReassignmentsRequest request,
                                          Reply<AlterPartitionReassignmentsResponse> reply) {
  const auto topics = context.backend.topics();
  const auto view = context.backend.cluster();
  auto moves = std::make_shared<Moves>(Moves{{}, reply, {}, view ? view->min_insync_replicas : 1});
  moves->response.allow_replication_factor_change = request.allow_replication_factor_change;
  std::set<TopicPartition> seen;
  for (const AlterPartitionReassignmentsRequest::Topic& topic : request.topics) {
    const storage::TopicInfo* known = topics->find(topic.name);
    AlterPartitionReassignmentsResponse::Topic& answers = moves->response.responses.emplace_back();
    answers.name = topic.name;
    for (const ReassignmentAsked& asked : topic.partitions) {
      ReassignmentAnswer& answer = answers.partitions.emplace_back();
      check(context, known, asked, answer);
      if (!view || answer.error_code != KafkaError::None) continue;
      const TopicPartition id{known->id, PartitionId{asked.partition_index}};
      if (!seen.insert(id).second)
        refuse(answer, KafkaError::InvalidRequest, "the request names the partition twice");
      else
        moves->moves.push_back({moves->response.responses.size() - 1, answers.partitions.size() - 1,
                                id, node_ids(asked.replicas.value_or(std::vector<int32_t>()))});
    }
  }
  if (moves->moves.empty()) return moves->reply.send(moves->response);
  begin_moves(context, std::move(moves));
}

void handle_list_partition_reassignments(HandlerContext& context,
                                         ListPartitionReassignmentsRequest request,
                                         Reply<ListPartitionReassignmentsResponse> reply) {
  ListPartitionReassignmentsResponse response;
  const auto view = context.backend.cluster();
  if (!view) return reply.send(response);  // a single node never moves replicas
  std::map<std::string, std::set<int32_t>> wanted;
  if (request.topics)
    for (const auto& topic : *request.topics)
      wanted[topic.name].insert(topic.partition_indexes.begin(), topic.partition_indexes.end());
  const auto topics = context.backend.topics();
  for (const auto& [id, assignment] : view->metadata->partitions()) {
    if (!assignment.is_moving()) continue;
    const storage::TopicInfo* topic = topics->find(id.topic);
    if (topic == nullptr) continue;
    if (request.topics) {
      const auto asked = wanted.find(topic->name);
      if (asked == wanted.end() || !asked->second.contains(id.partition.value())) continue;
    }
    if (response.topics.empty() || response.topics.back().name != topic->name)
      response.topics.emplace_back().name = topic->name;
    response.topics.back().partitions.push_back(
        {.partition_index = id.partition.value(),
         .replicas = numbers_of(assignment.replicas),
         .adding_replicas = numbers_of(assignment.adding),
         .removing_replicas = numbers_of(assignment.removing)});
  }
  reply.send(response);
}

}  // namespace server::kafka
