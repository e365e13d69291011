#include <fmt/format.h>

#include <set>

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
}

// Whether the topic could be made; else the answer says why not.
bool check(const Asked& asked, const storage::TopicSnapshot& topics, Answer& answer) {
  if (topics.find(asked.name))
    refuse(answer, KafkaError::TopicAlreadyExists,
           fmt::format("topic \"{}\" already exists", asked.name));
  else if (const Status named = storage::check_topic_name(asked.name, topics); !named)
    refuse(answer, KafkaError::InvalidTopic, named.error().message);
  else if (!asked.assignments.empty())
    refuse(answer, kInvalidReplicaAssignment, "assigning replicas by hand is not supported yet");
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

}  // namespace

void handle_create_topics(HandlerContext& context, CreateTopicsRequest request,
                          Reply<CreateTopicsResponse> reply) {
  auto pending = std::make_shared<PendingResponse<CreateTopicsResponse>>(
      PendingResponse<CreateTopicsResponse>{{}, reply});
  const auto topics = context.backend.topics();
  std::multiset<std::string_view> names;
  int32_t partitions_left = kMaxPartitions;
  for (const Asked& asked : request.topics) names.insert(asked.name);
  pending->response.topics.resize(request.topics.size());
  for (size_t i = 0; i < request.topics.size(); ++i) {
    Asked& asked = request.topics[i];
    Answer& answer = pending->response.topics[i];
    answer.name = asked.name;
    if (names.count(asked.name) > 1) {
      refuse(answer, KafkaError::InvalidRequest, "the request names the topic twice");
      continue;
    }
    if (!check(asked, *topics, answer)) continue;
    const int32_t partition_count =
        asked.num_partitions == -1 ? context.node.partitions_of_new_topic : asked.num_partitions;
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
    answer.configs =
        topic_config_answers<Answer::Config>(topic, [](std::string_view) { return true; });
    if (request.validate_only) continue;
    ++pending->left;
    context.backend.create_topic(asked.name, partition_count, std::move(topic.config),
                                 [pending, i](Result<storage::TopicInfo> made) {
                                   Answer& created = pending->response.topics[i];
                                   if (made) {
                                     created.topic_id = made->id;
                                   } else {
                                     refuse(created, kafka_error(made.error().code),
                                            made.error().message);
                                     created.configs.reset();
                                   }
                                   pending->complete_one();
                                 });
  }
  pending->complete_one();
}

}  // namespace server::kafka
