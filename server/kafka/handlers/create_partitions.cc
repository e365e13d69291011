#include <fmt/format.h>

#include <map>
#include <utility>
#include <vector>

#include "server/kafka/handlers/handlers.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

namespace {

using CreatePartitionsAsked = CreatePartitionsRequest::Topic;
using CreatePartitionsAnswer = CreatePartitionsResponse::Topic;

void refuse(CreatePartitionsAnswer& answer, KafkaError error, std::string message) {
  answer.error_code = error;
  answer.error_message = std::move(message);
}

// Returns the number of replicas of the existing partitions.
size_t replicas_of(const storage::TopicInfo& topic, const HandlerContext& context) {
  const auto view = context.backend.cluster();
  const storage::PartitionAssignment* known =
      view ? view->metadata->find({topic.id, PartitionId{0}}) : nullptr;
  return known == nullptr ? 1 : known->replicas.size() - known->adding.size();
}

// Checks the replicas that the client has chosen. Each new partition needs one assignment, to nodes that can have
// replicas.
void check_assignments(const CreatePartitionsAsked& asked, const storage::TopicInfo& topic,
                       const HandlerContext& context, CreatePartitionsAnswer& answer) {
  const int32_t new_partitions = asked.count - topic.partition_count;
  if (asked.assignments->size() != static_cast<size_t>(new_partitions))
    return refuse(answer, kInvalidReplicaAssignment,
                  fmt::format("replicas are assigned to {} of {} new partitions",
                              asked.assignments->size(), new_partitions));
  const size_t replicas = replicas_of(topic, context);
  for (const auto& assignment : *asked.assignments) {
    if (const Status can_be = check_new_replicas(assignment.broker_ids, context); !can_be)
      return refuse(answer, kInvalidReplicaAssignment, can_be.error().message);
    if (assignment.broker_ids.size() != replicas)
      return refuse(answer, kInvalidReplicaAssignment,
                    fmt::format("{} replicas are assigned to a partition of a topic that has {} "
                                "of each",
                                assignment.broker_ids.size(), replicas));
  }
}

std::vector<std::vector<NodeId>> assigned_by(const CreatePartitionsAsked& asked) {
  std::vector<std::vector<NodeId>> assigned;
  if (!asked.assignments) return assigned;
  for (const auto& assignment : *asked.assignments) {
    std::vector<NodeId>& nodes = assigned.emplace_back();
    for (const int32_t node : assignment.broker_ids) nodes.emplace_back(node);
  }
  return assigned;
}

// Returns whether the topic can grow; otherwise the answer contains the reason.
bool check(const CreatePartitionsAsked& asked, const storage::TopicSnapshot& topics,
           const HandlerContext& context, CreatePartitionsAnswer& answer) {
  const storage::TopicInfo* topic = topics.find(asked.name);
  if (!topic)
    refuse(answer, KafkaError::UnknownTopicOrPartition,
           fmt::format("topic \"{}\" does not exist", asked.name));
  else if (coordinator::is_coordinator_topic(asked.name))
    refuse(answer, KafkaError::InvalidTopic,
           "the partitions of this topic cannot change, because "
           "its records belong to fixed partitions");
  else if (asked.count > kMaxPartitions)
    refuse(answer, kInvalidPartitions,
           fmt::format("a topic must have 1 to {} partitions", kMaxPartitions));
  else if (asked.count <= topic->partition_count)
    refuse(answer, kInvalidPartitions,
           fmt::format("topic \"{}\" has {} partitions already, and partitions can only be added",
                       asked.name, topic->partition_count));
  else if (asked.assignments)
    check_assignments(asked, *topic, context, answer);
  return answer.error_code == KafkaError::None;
}

}  // namespace

void handle_create_partitions(HandlerContext& context, CreatePartitionsRequest request,
                              Reply<CreatePartitionsResponse> reply) {
  auto pending = std::make_shared<PendingResponse<CreatePartitionsResponse>>(
      PendingResponse<CreatePartitionsResponse>{{}, reply});
  pending->response.results.reserve(request.topics.size());
  const auto topics = context.backend.topics();
  std::map<std::string_view, int> times_named;
  for (const CreatePartitionsAsked& asked : request.topics) ++times_named[asked.name];
  for (const CreatePartitionsAsked& asked : request.topics) {
    int& times = times_named[asked.name];
    if (times == 0) continue;  // an earlier element has answered the topic
    const size_t i = pending->response.results.size();
    CreatePartitionsAnswer& answer = pending->response.results.emplace_back();
    answer.name = asked.name;
    if (std::exchange(times, 0) > 1) {
      refuse(answer, KafkaError::InvalidRequest, "the request names the topic twice");
      continue;
    }
    if (!check(asked, *topics, context, answer) || request.validate_only) continue;
    auto done = [pending, i](const Status& grown) {
      if (!grown)
        refuse(pending->response.results[i], kafka_error(grown.error().code),
               grown.error().message);
      pending->complete_step();
    };
    pending->add_step([&backend = context.backend, name = asked.name, count = asked.count,
                       assigned = assigned_by(asked), done = std::move(done)] {
      backend.grow_topic(name, count, assigned, done);
    });
  }
  pending->complete_one();
}

}  // namespace server::kafka
