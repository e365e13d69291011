#include "server/kafka/handlers/handlers.h"
#include "server/kafka/permissions.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

void handle_describe_cluster(HandlerContext& context, DescribeClusterRequest request,
                             Reply<DescribeClusterResponse> reply) {
  constexpr int8_t kBrokers = 1, kControllers = 2;
  DescribeClusterResponse response;
  response.endpoint_type = request.endpoint_type;
  if (request.endpoint_type != kBrokers) {
    // A request for controllers is refused, because the server has no listener for controllers
    // (KIP-919).
    response.error_code =
        request.endpoint_type == kControllers ? kMismatchedEndpointType : kUnsupportedEndpointType;
    response.error_message = "this is a listener of brokers";
    return reply.send(response);
  }
  const NodeView& node = context.node;
  response.cluster_id = node.cluster_id;
  const Brokers brokers = brokers_of(context);
  response.controller_id = brokers.controller_id;
  for (const ClusterView::Node& each : brokers.all)
    response.brokers.push_back(
        {.broker_id = each.id, .host = each.host, .port = each.port, .rack = each.rack});
  if (request.include_cluster_authorized_operations)
    response.cluster_authorized_operations =
        authorized_operations(context.permissions.get(), ResourceType::Cluster, kClusterName);
  reply.send(response);
}

}  // namespace server::kafka
