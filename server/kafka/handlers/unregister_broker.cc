#include <fmt/format.h>

#include <memory>

#include "server/kafka/handlers/handlers.h"
#include "server/kafka/wire_errors.h"
#include "storage/meta/partition_requests.h"

namespace server::kafka {

namespace {

Error still_has(NodeId node, const storage::TopicPartition& partition,
                const storage::TopicSnapshot& topics) {
  const storage::TopicInfo* topic = topics.find(partition.topic);
  return {ErrorCode::ObjectState,
          fmt::format("node {} has a replica of partition {} of topic \"{}\"; move its replicas "
                      "to other nodes first",
                      node.value(), partition.partition.value(),
                      topic == nullptr ? partition.topic.to_string() : topic->name)};
}

}  // namespace

// Removes a node from the cluster, if the node has no replicas.
void handle_unregister_broker(HandlerContext& context, UnregisterBrokerRequest request,
                              Reply<UnregisterBrokerResponse> reply) {
  const auto refusal = std::make_shared<std::optional<Error>>();
  const NodeId id{request.broker_id};
  context.backend.change_cluster(
      [refusal, id, topics = context.backend.topics()](
          const storage::ClusterSnapshot& cluster) -> std::vector<std::string> {
        const storage::ClusterNode* known = cluster.find(id);
        refusal->reset();
        if (known == nullptr)
          *refusal = Error{ErrorCode::UndefinedObject,
                           fmt::format("node {} is not part of the cluster", id.value())};
        else if (const auto partition = storage::replica_on(cluster, id))
          *refusal = still_has(id, *partition, *topics);
        else
          return {storage::encode_unregister_node(id, known->epoch)};
        return {};
      },
      [refusal, reply](const Status& done) {
        UnregisterBrokerResponse response;
        const Error* error = *refusal ? &refusal->value() : done ? nullptr : &done.error();
        if (error != nullptr) {
          response.error_code = *refusal ? KafkaError::InvalidRequest : kafka_error(error->code);
          if (error->code == ErrorCode::UndefinedObject)
            response.error_code = kBrokerIdNotRegistered;
          response.error_message = error->message;
        }
        reply.send(response);
      });
}

}  // namespace server::kafka
