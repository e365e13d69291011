#include <fmt/format.h>

#include "server/kafka/handlers/handlers.h"

namespace server::kafka {

namespace {

constexpr int8_t kGroup = 0, kTransaction = 1;  // KeyType

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

}  // namespace

// There is one node, so it is everybody's coordinator. The first who asks for one lets the topic be made in
// which it keeps what it knows.
void handle_find_coordinator(HandlerContext& context, FindCoordinatorRequest request,
                             Reply<FindCoordinatorResponse> reply) {
  if (request.key_type != kGroup && request.key_type != kTransaction)
    return reply.send(
        this_node(context.node, std::move(request.coordinator_keys), KafkaError::InvalidRequest,
                  fmt::format("there is no coordinator of type {}", request.key_type)));
  const auto send = [reply, node = context.node, keys = std::move(request.coordinator_keys)](
                        KafkaError error) { reply.send(this_node(node, keys, error)); };
  if (request.key_type == kGroup)
    context.backend.groups().prepare(send);
  else
    context.backend.transactions().prepare(send);
}

}  // namespace server::kafka
