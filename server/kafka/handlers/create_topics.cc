#include <fmt/format.h>

#include <functional>
#include <map>
#include <set>
#include <utility>

#include "server/kafka/configs.h"
#include "server/kafka/handlers/handlers.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

namespace {

using Asked = CreateTopicsRequest::Topic;
using Answer = CreateTopicsResponse::Topic;

void refuse(Answer& answer, KafkaError error, std::string message) {
  answer.error_code = error;
  answer.error_message = std::move(message);
  answer.num_partitions = answer.replication_factor = -1;
  answer.configs.reset();
}

// The rest has been checked: what is wrong now is the name, which collides with that of a topic that was
// made meanwhile, perhaps by the same request.
KafkaError error_of(ErrorCode code) {
  return code == ErrorCode::InvalidParameter ? KafkaError::InvalidTopic : kafka_error(code);
}

// Replicas that are assigned by hand: to each partition from 0 on, where replicas can be.
void check_assignments(const Asked& asked, const NodeView& node, Answer& answer) {
  if (asked.num_partitions != -1 || asked.replication_factor != -1)
    return refuse(answer, KafkaError::InvalidRequest,
                  "with replicas assigned by hand the numbers of partitions and replicas are -1");
  if (asked.assignments.size() > static_cast<size_t>(kMaxPartitions))
    return refuse(answer, kInvalidPartitions,
                  fmt::format("a topic has 1 to {} partitions", kMaxPartitions));
  std::set<int32_t> indexes;
  for (const auto& assignment : asked.assignments) {
    if (const Status can_be = check_replicas(assignment.broker_ids, node); !can_be)
      return refuse(answer, kInvalidReplicaAssignment, can_be.error().message);
    indexes.insert(assignment.partition_index);
  }
  if (indexes.size() != asked.assignments.size() || *indexes.begin() != 0 ||
      *indexes.rbegin() != static_cast<int32_t>(indexes.size()) - 1)
    refuse(answer, kInvalidReplicaAssignment,
           "replicas are assigned to each partition from 0 on, once");
}

// Whether the topic could be made; else the answer says why not.
bool check(const Asked& asked, const storage::TopicSnapshot& topics, const NodeView& node,
           Answer& answer) {
  if (topics.find(asked.name))
    refuse(answer, KafkaError::TopicAlreadyExists,
           fmt::format("topic \"{}\" already exists", asked.name));
  else if (coordinator::is_coordinator_topic(asked.name))
    refuse(answer, KafkaError::InvalidTopic,
           fmt::format("topic \"{}\" is made by the server, when it needs it", asked.name));
  else if (const Status named = storage::check_topic_name(asked.name, topics); !named)
    refuse(answer, KafkaError::InvalidTopic, named.error().message);
  else if (!asked.assignments.empty())
    check_assignments(asked, node, answer);
  else if (asked.num_partitions != -1 &&
           (asked.num_partitions < 1 || asked.num_partitions > kMaxPartitions))
    refuse(answer, kInvalidPartitions,
           fmt::format("a topic has 1 to {} partitions", kMaxPartitions));
  else if (asked.replication_factor != -1 && asked.replication_factor != 1)
    refuse(answer, kInvalidReplicationFactor, "there is one node, so a topic has one replica");
  for (const auto& config : asked.configs) {
    if (answer.error_code != KafkaError::None) break;
    if (!config.value)
      refuse(answer, kInvalidConfig, fmt::format("null is not a value of \"{}\"", config.name));
    else if (const Status checked = storage::check_topic_config(config.name, *config.value);
             !checked)
      refuse(answer, kInvalidConfig, checked.error().message);
  }
  return answer.error_code == KafkaError::None;
}

int32_t partitions_of(const Asked& asked, const NodeView& node) {
  if (!asked.assignments.empty()) return static_cast<int32_t>(asked.assignments.size());
  return asked.num_partitions == -1 ? node.partitions_of_new_topic : asked.num_partitions;
}

}  // namespace

void handle_create_topics(HandlerContext& context, CreateTopicsRequest request,
                          Reply<CreateTopicsResponse> reply) {
  auto pending = std::make_shared<PendingResponse<CreateTopicsResponse>>(
      PendingResponse<CreateTopicsResponse>{{}, reply});
  const auto topics = context.backend.topics();
  std::map<std::string, int, std::less<>> times_named;
  int32_t partitions_left = kMaxPartitions;
  for (const Asked& asked : request.topics) ++times_named[asked.name];
  pending->response.topics.reserve(request.topics.size());
  for (Asked& asked : request.topics) {
    int& times = times_named[asked.name];
    if (times == 0) continue;  // has its answer
    const size_t i = pending->response.topics.size();
    Answer& answer = pending->response.topics.emplace_back();
    answer.name = asked.name;
    if (std::exchange(times, 0) > 1) {
      refuse(answer, KafkaError::InvalidRequest, "the request names the topic twice");
      continue;
    }
    if (!check(asked, *topics, context.node, answer)) continue;
    const int32_t partition_count = partitions_of(asked, context.node);
    if (partition_count > partitions_left) {
      refuse(answer, kPolicyViolation,
             fmt::format("one request makes up to {} partitions", kMaxPartitions));
      continue;
    }
    partitions_left -= partition_count;
    answer.num_partitions = partition_count;
    answer.replication_factor = 1;
    storage::TopicInfo topic;
    for (CreateTopicsRequest::Topic::Config& each : asked.configs)
      topic.config[std::move(each.name)] = std::move(*each.value);
    // As the topic will have them (KIP-525).
    answer.configs =
        topic_config_answers<Answer::Config>(topic, [](std::string_view) { return true; });
    if (request.validate_only) continue;
    ++pending->left;
    context.backend.create_topic(asked.name, partition_count, std::move(topic.config),
                                 [pending, i](Result<storage::TopicInfo> made) {
                                   Answer& created = pending->response.topics[i];
                                   if (made)
                                     created.topic_id = made->id;
                                   else
                                     refuse(created, error_of(made.error().code),
                                            made.error().message);
                                   pending->complete_one();
                                 });
  }
  pending->complete_one();
}

}  // namespace server::kafka
