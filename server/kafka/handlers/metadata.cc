#include <algorithm>
#include <set>
#include <vector>

#include "server/kafka/handlers/handlers.h"
#include "server/kafka/leaders.h"
#include "server/kafka/permissions.h"
#include "server/kafka/sasl.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

namespace {

using Topic = MetadataResponse::Topic;

// Limit for the topics that are created because clients name them: for each request, and for all
// requests of a loop at the same time. Creating a topic costs far more than naming it, and the
// metadata thread serves all clients. Topics above the limit are reported as missing, and the
// clients ask again.
constexpr int kMostInTheMaking = 20;

// Describes topics. Callbacks keep a copy of the Describer instead of the request.
struct Describer {
  Backend& backend;
  NodeView node;
  bool tells_operations;
  std::shared_ptr<const Permissions> permissions;  // null: the client has all rights

  bool may(Operation operation, const std::string& topic) const {
    return !permissions || permissions->may_topic(operation, topic);
  }
  bool may_create(const std::string& topic) const { return may(Operation::Create, topic); }

  Topic describe(const storage::TopicInfo& topic) const {
    Topic described;
    described.name = topic.name;
    described.topic_id = topic.id;
    described.is_internal = node.is_internal(topic.name);
    if (tells_operations)
      described.topic_authorized_operations =
          authorized_operations(permissions.get(), ResourceType::Topic, topic.name);
    described.partitions.reserve(static_cast<size_t>(topic.partition_count));
    const Leaders leaders(backend);
    for (int32_t index = 0; index < topic.partition_count; ++index) {
      MetadataResponse::Topic::Partition& partition = described.partitions.emplace_back();
      partition.partition_index = index;
      const storage::TopicPartition id{topic.id, PartitionId(index)};
      leaders.describe(id, node.node_id, leader_epoch(backend, id), partition);
    }
    return described;
  }
  // Returns an answer with an error. It includes the allowed operations if the request asks for
  // them, because permissions depend only on the name.
  Topic refused(std::string name, KafkaError error) const {
    Topic topic;
    topic.error_code = error;
    if (tells_operations)
      topic.topic_authorized_operations =
          authorized_operations(permissions.get(), ResourceType::Topic, name);
    topic.name = std::move(name);
    return topic;
  }
};

// Returns the error for a topic that could not be created. The name has been checked, so
// InvalidParameter means that too few nodes can have replicas. Clients ask again after the error.
KafkaError metadata_error_of(ErrorCode code) {
  const bool lacks_nodes =
      code == ErrorCode::InvalidParameter || code == ErrorCode::NotEnoughReplicas;
  return lacks_nodes ? kInvalidReplicationFactor : kafka_error(code);
}

void create(HandlerContext& context, const Describer& describer,
            const std::shared_ptr<PendingResponse<MetadataResponse>>& pending, size_t index) {
  ++pending->left;
  ++context.backend.topics_in_the_making;
  const std::string name = *pending->response.topics[index].name;
  context.backend.create_topic(
      name, context.node.partitions_of_new_topic, {}, {.owner = owner_of_new(context)},
      [pending, index, name, describer](Result<storage::TopicInfo> made) {
        --describer.backend.topics_in_the_making;
        Topic& topic = pending->response.topics[index];
        if (made)
          topic = describer.describe(*made);
        else if (made.error().code != ErrorCode::TopicExists)  // clients ask again after this error
          topic = describer.refused(name, metadata_error_of(made.error().code));
        pending->complete_one();
      });
}

void create_some(HandlerContext& context, const Describer& describer,
                 const std::shared_ptr<PendingResponse<MetadataResponse>>& pending,
                 const std::vector<size_t>& missing) {
  int made = 0;
  for (const size_t index : missing) {
    if (made++ == kMostInTheMaking || context.backend.topics_in_the_making >= kMostInTheMaking)
      return;
    create(context, describer, pending, index);
  }
}

}  // namespace

Brokers brokers_of(const HandlerContext& context) {
  const NodeView& node = context.node;
  if (const auto view = context.backend.cluster()) {
    // If the controller is unknown, the answer names any live node. Without a controller in the
    // answer, clients would wait, librdkafka for minutes. Any node accepts the requests that only
    // Kafka's controller accepts.
    const bool is_known = view->controller_id >= 0 || view->nodes.empty();
    return {view->nodes, is_known ? view->controller_id : view->nodes.front().id};
  }
  return {{{node.node_id, node.host, node.port}}, node.node_id};
}

std::optional<std::string> owner_of_new(const HandlerContext& context) {
  if (!context.sasl || !context.sasl->has_limits()) return std::nullopt;
  return context.sasl->user();
}

int32_t leader_epoch(const Backend& backend, const storage::TopicPartition& partition) {
  const auto status = backend.find_partition(partition);
  return status ? status->leader_epoch().value() : 0;
}

void handle_metadata(HandlerContext& context, MetadataRequest request,
                     Reply<MetadataResponse> reply) {
  const NodeView& node = context.node;
  auto pending = std::make_shared<PendingResponse<MetadataResponse>>(
      PendingResponse<MetadataResponse>{{}, reply});
  MetadataResponse& response = pending->response;
  const Brokers brokers = brokers_of(context);
  for (const ClusterView::Node& each : brokers.all)
    response.brokers.push_back({each.id, each.host, each.port, each.rack});
  response.cluster_id = node.cluster_id;
  response.controller_id = brokers.controller_id;

  if (request.include_cluster_authorized_operations)
    response.cluster_authorized_operations =
        authorized_operations(context.permissions.get(), ResourceType::Cluster, kClusterName);
  const Describer describer{context.backend, node, request.include_topic_authorized_operations,
                            context.permissions};

  const auto topics = context.backend.topics();
  const bool wants_all = !request.topics || (reply.version() == 0 && request.topics->empty());
  if (wants_all)
    for (const auto& [name, topic] : topics->by_name())
      if (describer.may(Operation::Describe, name))
        response.topics.push_back(describer.describe(topic));
  std::vector<size_t> missing;
  if (!wants_all) {
    // Each topic is described only once. Repeating a topic's name costs a client little, but
    // describing its partitions costs the server much.
    std::set<std::pair<std::string, Uuid>> seen;
    for (const MetadataRequest::Topic& asked : *request.topics) {
      // An id takes precedence over the name, as in Kafka: Java's clients send an empty name with
      // an id.
      const bool by_id = !asked.name || !asked.topic_id.is_nil();
      const std::string asked_name = by_id ? "" : *asked.name;
      if (!seen.emplace(asked_name, asked.topic_id).second) continue;
      const storage::TopicInfo* topic =
          by_id ? topics->find(asked.topic_id) : topics->find(asked_name);
      // If the user may not see a topic, the error is the same whether or not the topic exists.
      const std::string& name = topic ? topic->name : asked_name;
      const bool may_see = describer.may(Operation::Describe, name) ||
                           (!topic && (by_id || describer.may_create(name)));
      if (!may_see) {
        Topic& refused = response.topics.emplace_back(describer.refused(asked_name, kTopicRefused));
        if (by_id) refused.name.reset();
        refused.topic_id = asked.topic_id;
      } else if (topic) {
        response.topics.push_back(describer.describe(*topic));
      } else if (by_id) {
        Topic& unknown = response.topics.emplace_back();
        unknown.error_code = kUnknownTopicId;
        unknown.topic_id = asked.topic_id;
      } else if (!storage::check_topic_name(asked_name, *topics)) {
        response.topics.push_back(describer.refused(asked_name, KafkaError::InvalidTopic));
      } else {
        response.topics.push_back(
            describer.refused(asked_name, KafkaError::UnknownTopicOrPartition));
        if (!coordinator::is_coordinator_topic(asked_name) && describer.may_create(asked_name))
          missing.push_back(response.topics.size() - 1);
      }
    }
  }
  if (request.allow_auto_topic_creation && node.creates_topics)
    create_some(context, describer, pending, missing);
  pending->complete_one();
}

}  // namespace server::kafka
