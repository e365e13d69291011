#include "server/kafka/handlers/handlers.h"

namespace server::kafka {

namespace {

constexpr int8_t kGroups = 0;  // KeyType

FindCoordinatorResponse this_node(const NodeView& node, std::vector<std::string> keys,
                                  KafkaError error) {
  FindCoordinatorResponse response;
  response.error_code = error;
  const bool is_found = error == KafkaError::None;
  response.node_id = is_found ? node.node_id : -1;
  response.host = is_found ? node.host : "";
  response.port = is_found ? node.port : -1;
  for (std::string& key : keys)
    response.coordinators.push_back(
        {std::move(key), response.node_id, response.host, response.port, error, std::nullopt});
  return response;
}

}  // namespace

// There is one node, so it is everybody's coordinator. The first who asks for one of a group lets the
// topic of the groups be made.
void handle_find_coordinator(HandlerContext& context, FindCoordinatorRequest request,
                             Reply<FindCoordinatorResponse> reply) {
  if (request.key_type != kGroups)
    return reply.send(
        this_node(context.node, std::move(request.coordinator_keys), KafkaError::None));
  context.backend.groups().prepare(
      [reply, node = context.node, keys = std::move(request.coordinator_keys)](KafkaError error) {
        reply.send(this_node(node, keys, error));
      });
}

}  // namespace server::kafka
