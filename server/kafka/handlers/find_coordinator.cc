#include <fmt/format.h>

#include "server/coordinator/key_partition.h"
#include "server/kafka/handlers/handlers.h"

namespace server::kafka {

namespace {

constexpr int8_t kGroup = 0, kTransaction = 1;  // values of KeyType

// Returns the coordinators of the groups or transactional ids. The coordinator of an id is the
// leader of the id's partition.
FindCoordinatorResponse leaders_of(const Backend& backend, const FindCoordinatorRequest& request) {
  FindCoordinatorResponse response;
  const auto view = backend.cluster();
  const auto topics = backend.topics();
  const storage::TopicInfo* topic =
      topics->find(request.key_type == kTransaction ? coordinator::kTransactionsTopic
                                                    : coordinator::kOffsetsTopic);
  const auto fill = [&](const std::string& key, auto& answer) {
    answer.error_code = KafkaError::CoordinatorNotAvailable;
    answer.node_id = answer.port = -1;
    if (topic == nullptr) return;
    const auto* partition = view->metadata->find(
        {topic->id, coordinator::partition_of_key(key, topic->partition_count)});
    const ClusterView::Node* node = partition != nullptr && partition->leader
                                        ? view->find(partition->leader->value())
                                        : nullptr;
    if (node == nullptr) return;
    answer.error_code = KafkaError::None;
    answer.node_id = node->id;
    answer.host = node->host;
    answer.port = node->port;
  };
  fill(request.key, response);
  for (const std::string& key : request.coordinator_keys) {
    response.coordinators.push_back({.key = key});
    fill(key, response.coordinators.back());
  }
  return response;
}

FindCoordinatorResponse this_node(const NodeView& node, std::vector<std::string> keys,
                                  KafkaError error,
                                  const std::optional<std::string>& message = {}) {
  FindCoordinatorResponse response;
  const auto fill = [&](auto& answer) {
    const bool is_found = error == KafkaError::None;
    answer.node_id = is_found ? node.node_id : -1;
    answer.host = is_found ? node.host : "";
    answer.port = is_found ? node.port : -1;
    answer.error_code = error;
    answer.error_message = message;
  };
  fill(response);
  for (std::string& key : keys) {
    response.coordinators.push_back({.key = std::move(key)});
    fill(response.coordinators.back());
  }
  return response;
}

void find_in_cluster(HandlerContext& context, FindCoordinatorRequest request,
                     const Reply<FindCoordinatorResponse>& reply) {
  Backend& backend = context.backend;
  const bool is_transaction = request.key_type == kTransaction;
  const auto send = [&backend, request = std::move(request), reply](KafkaError) {
    reply.send(leaders_of(backend, request));
  };
  is_transaction ? backend.transactions().prepare(send) : backend.groups().prepare(send);
}

}  // namespace

// Returns the coordinators. A single node coordinates all groups and transactions. The first
// request for a coordinator creates the topic that stores the coordinator's state.
void handle_find_coordinator(HandlerContext& context, FindCoordinatorRequest request,
                             Reply<FindCoordinatorResponse> reply) {
  if (request.key_type != kGroup && request.key_type != kTransaction)
    return reply.send(this_node(context.node, std::move(request.coordinator_keys),
                                KafkaError::InvalidRequest,
                                fmt::format("unknown coordinator type {}", request.key_type)));
  if (!context.backend.leads_all()) return find_in_cluster(context, std::move(request), reply);
  const auto send = [reply, node = context.node, keys = std::move(request.coordinator_keys)](
                        KafkaError error) { reply.send(this_node(node, keys, error)); };
  if (request.key_type == kGroup)
    context.backend.groups().prepare(send);
  else
    context.backend.transactions().prepare(send);
}

}  // namespace server::kafka
