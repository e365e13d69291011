#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "server/kafka/configs.h"
#include "server/kafka/handlers/handlers.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

namespace {

using CreateTopicsAsked = CreateTopicsRequest::Topic;
using CreateTopicsAnswer = CreateTopicsResponse::Topic;

void refuse(CreateTopicsAnswer& answer, KafkaError error, std::string message) {
  answer.error_code = error;
  answer.error_message = std::move(message);
  answer.num_partitions = answer.replication_factor = -1;
  answer.configs.reset();
}

// Returns the error for the client. All other parameters have been checked, so InvalidParameter
// concerns the name: it collides with the name of a topic that was created meanwhile, possibly by
// the same request.
KafkaError create_error_of(ErrorCode code) {
  return code == ErrorCode::InvalidParameter ? KafkaError::InvalidTopic : kafka_error(code);
}

// Checks the replicas that the client has chosen. Each partition from 0 on needs one assignment, to nodes that can
// have replicas.
void check_assignments(const CreateTopicsAsked& asked, const HandlerContext& context,
                       CreateTopicsAnswer& answer) {
  if (asked.num_partitions != -1 || asked.replication_factor != -1)
    return refuse(answer, KafkaError::InvalidRequest,
                  "if replicas are assigned by hand, the numbers of partitions and replicas must "
                  "be -1");
  if (asked.assignments.size() > static_cast<size_t>(kMaxPartitions))
    return refuse(answer, kInvalidPartitions,
                  fmt::format("a topic must have 1 to {} partitions", kMaxPartitions));
  std::set<int32_t> indexes;
  for (const auto& assignment : asked.assignments) {
    if (const Status can_be = check_new_replicas(assignment.broker_ids, context); !can_be)
      return refuse(answer, kInvalidReplicaAssignment, can_be.error().message);
    if (assignment.broker_ids.size() != asked.assignments[0].broker_ids.size())
      return refuse(answer, kInvalidReplicaAssignment,
                    "all partitions of a topic must have the same number of replicas");
    indexes.insert(assignment.partition_index);
  }
  if (indexes.size() != asked.assignments.size() || *indexes.begin() != 0 ||
      *indexes.rbegin() != static_cast<int32_t>(indexes.size()) - 1)
    refuse(answer, kInvalidReplicaAssignment,
           "replicas must be assigned to each partition from 0 on, once");
}

// Returns a topic that has only the settings of the request.
storage::TopicInfo topic_of(const CreateTopicsAsked& asked) {
  storage::TopicInfo topic;
  for (const CreateTopicsRequest::Topic::Config& each : asked.configs)
    if (each.value) topic.config[each.name] = *each.value;
  return topic;
}

// Checks the replication factor. Nodes that are down get replicas, too, but enough nodes must be up
// for the topic to accept writes.
void check_factor(const CreateTopicsAsked& asked, const HandlerContext& context,
                  CreateTopicsAnswer& answer) {
  int32_t factor = asked.replication_factor;
  const auto view = context.backend.cluster();
  if (!view) {
    if (factor != -1 && factor != 1)
      refuse(answer, kInvalidReplicationFactor,
             "the server is a single node, so a topic has one replica");
    return;
  }
  if (factor == -1) factor = view->default_replication_factor();
  const size_t nodes = view->metadata->nodes().size();
  if (factor < 1 || static_cast<size_t>(factor) > nodes)
    return refuse(
        answer, kInvalidReplicationFactor,
        fmt::format("the cluster has {} nodes, so a topic has 1 to {} replicas", nodes, nodes));
  const size_t min_insync =
      static_cast<size_t>(storage::own_min_insync(topic_of(asked))
                              .value_or(static_cast<int32_t>(view->min_insync_replicas)));
  const size_t least = std::min(min_insync, static_cast<size_t>(factor));
  if (view->nodes.size() < least)
    refuse(answer, kInvalidReplicationFactor,
           fmt::format("{} of the {} nodes of the cluster are available, but min.insync.replicas "
                       "requires {}",
                       view->nodes.size(), nodes, least));
}

// Returns whether the topic can be created; otherwise the answer contains the reason.
bool check(const CreateTopicsAsked& asked, const storage::TopicSnapshot& topics,
           const HandlerContext& context, CreateTopicsAnswer& answer) {
  if (topics.find(asked.name))
    refuse(answer, KafkaError::TopicAlreadyExists,
           fmt::format("topic \"{}\" already exists", asked.name));
  else if (coordinator::is_coordinator_topic(asked.name))
    refuse(answer, KafkaError::InvalidTopic,
           fmt::format("topic \"{}\" can only be created by the server", asked.name));
  else if (const Status named = storage::check_topic_name(asked.name, topics); !named)
    refuse(answer, KafkaError::InvalidTopic, named.error().message);
  else if (!asked.assignments.empty())
    check_assignments(asked, context, answer);
  else if (asked.num_partitions != -1 &&
           (asked.num_partitions < 1 || asked.num_partitions > kMaxPartitions))
    refuse(answer, kInvalidPartitions,
           fmt::format("a topic must have 1 to {} partitions", kMaxPartitions));
  else
    check_factor(asked, context, answer);
  for (const auto& config : asked.configs) {
    if (answer.error_code != KafkaError::None) break;
    if (!config.value)
      refuse(answer, kInvalidConfig,
             fmt::format("null is not a valid value of \"{}\"", config.name));
    else if (const Status checked = storage::check_topic_config(config.name, *config.value);
             !checked)
      refuse(answer, kInvalidConfig, checked.error().message);
  }
  return answer.error_code == KafkaError::None;
}

int32_t partitions_of(const CreateTopicsAsked& asked, const NodeView& node) {
  if (!asked.assignments.empty()) return static_cast<int32_t>(asked.assignments.size());
  return asked.num_partitions == -1 ? node.partitions_of_new_topic : asked.num_partitions;
}

Replication replication_of(const CreateTopicsAsked& asked, const HandlerContext& context) {
  Replication replication{asked.replication_factor};
  const auto view = context.backend.cluster();
  if (asked.replication_factor == -1)
    replication.factor = view ? view->default_replication_factor() : 1;
  if (asked.assignments.empty()) return replication;
  replication.assigned.resize(asked.assignments.size());
  for (const auto& assignment : asked.assignments)
    for (const int32_t node : assignment.broker_ids)
      replication.assigned[static_cast<size_t>(assignment.partition_index)].emplace_back(node);
  replication.factor = static_cast<int32_t>(replication.assigned.front().size());
  return replication;
}

}  // namespace

void handle_create_topics(HandlerContext& context, CreateTopicsRequest request,
                          Reply<CreateTopicsResponse> reply) {
  auto pending = std::make_shared<PendingResponse<CreateTopicsResponse>>(
      PendingResponse<CreateTopicsResponse>{{}, reply});
  const auto topics = context.backend.topics();
  std::map<std::string, int, std::less<>> times_named;
  int32_t partitions_left = kMaxPartitions;
  for (const CreateTopicsAsked& asked : request.topics) ++times_named[asked.name];
  pending->response.topics.reserve(request.topics.size());
  for (CreateTopicsAsked& asked : request.topics) {
    int& times = times_named[asked.name];
    if (times == 0) continue;  // an earlier element has answered the topic
    const size_t i = pending->response.topics.size();
    CreateTopicsAnswer& answer = pending->response.topics.emplace_back();
    answer.name = asked.name;
    if (std::exchange(times, 0) > 1) {
      refuse(answer, KafkaError::InvalidRequest, "the request names the topic twice");
      continue;
    }
    if (!check(asked, *topics, context, answer)) continue;
    const int32_t partition_count = partitions_of(asked, context.node);
    if (partition_count > partitions_left) {
      refuse(answer, kPolicyViolation,
             fmt::format("a request can create at most {} partitions", kMaxPartitions));
      continue;
    }
    partitions_left -= partition_count;
    answer.num_partitions = partition_count;
    Replication replication = replication_of(asked, context);
    replication.owner = owner_of_new(context);
    answer.replication_factor = static_cast<int16_t>(replication.factor);
    storage::TopicInfo topic = topic_of(asked);
    topic.defaults = topics->defaults();
    // The values that the topic will have (KIP-525).
    answer.configs = topic_config_answers<CreateTopicsAnswer::Config>(
        topic, [](std::string_view) { return true; }, context.backend.cluster().get());
    if (request.validate_only) continue;
    auto answer_made = [pending, i](Result<storage::TopicInfo> made) {
      CreateTopicsAnswer& created = pending->response.topics[i];
      if (made)
        created.topic_id = made->id;
      else
        refuse(created, create_error_of(made.error().code), made.error().message);
      pending->complete_step();
    };
    pending->add_step([&backend = context.backend, name = asked.name, partition_count,
                       config = std::move(topic.config), replication = std::move(replication),
                       answer_made = std::move(answer_made)]() mutable {
      backend.create_topic(std::move(name), partition_count, std::move(config),
                           std::move(replication), std::move(answer_made));
    });
  }
  pending->complete_one();
}

}  // namespace server::kafka
