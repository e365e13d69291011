#include "server/kafka/handlers/handlers.h"

namespace server::kafka {

// There is one node, so it is everybody's coordinator.
void handle_find_coordinator(HandlerContext& context, FindCoordinatorRequest request,
                             Reply<FindCoordinatorResponse> reply) {
  FindCoordinatorResponse response;
  response.node_id = context.node.node_id;
  response.host = context.node.host;
  response.port = context.node.port;
  for (std::string& key : request.coordinator_keys)
    response.coordinators.push_back({std::move(key), context.node.node_id, context.node.host,
                                     context.node.port, KafkaError::None, std::nullopt});
  reply.send(response);
}

}  // namespace server::kafka
