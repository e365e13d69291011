#include <fmt/format.h>

#include "server/kafka/handlers/handlers.h"

namespace server::kafka {

namespace {

constexpr int8_t kGroup = 0, kTransaction = 1;

}  // namespace

// There is one node, so it is everybody's coordinator.
void handle_find_coordinator(HandlerContext& context, FindCoordinatorRequest request,
                             Reply<FindCoordinatorResponse> reply) {
  FindCoordinatorResponse response;
  const auto fill = [&](auto& answer) {
    if (request.key_type == kGroup || request.key_type == kTransaction) {
      answer.node_id = context.node.node_id;
      answer.host = context.node.host;
      answer.port = context.node.port;
      return;
    }
    answer.node_id = answer.port = -1;
    answer.error_code = KafkaError::InvalidRequest;
    answer.error_message = fmt::format("there is no coordinator of type {}", request.key_type);
  };
  fill(response);
  for (std::string& key : request.coordinator_keys) {
    response.coordinators.push_back({.key = std::move(key)});
    fill(response.coordinators.back());
  }
  reply.send(response);
}

}  // namespace server::kafka
