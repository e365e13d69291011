#include <fmt/format.h>

#include <algorithm>

#include "server/kafka/handlers/handlers.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

// Lists the resources that have settings (KIP-1142). Version 0 asks for client metrics (KIP-714),
// which this server does not have.
void handle_list_config_resources(HandlerContext& context, ListConfigResourcesRequest request,
                                  Reply<ListConfigResourcesResponse> reply) {
  constexpr int8_t kTopic = 2, kBroker = 4, kBrokerLogger = 8, kClientMetrics = 16, kGroup = 32;
  ListConfigResourcesResponse response;
  if (reply.version() == 0) return reply.send(response);
  const auto is_known = [](int8_t type) {
    return type == kTopic || type == kBroker || type == kBrokerLogger || type == kClientMetrics ||
           type == kGroup;
  };
  if (!std::ranges::all_of(request.resource_types, is_known)) {
    response.error_code = kUnsupportedVersion;
    return reply.send(response);
  }
  const auto wants = [&](int8_t type) {
    return request.resource_types.empty() || std::ranges::count(request.resource_types, type) > 0;
  };
  if (wants(kTopic)) {
    const auto topics = context.backend.topics();
    for (const auto& [name, topic] : topics->by_name())
      response.config_resources.push_back({.resource_name = name, .resource_type = kTopic});
  }
  for (const int8_t type : {kBroker, kBrokerLogger})
    if (wants(type))
      response.config_resources.push_back(
          {.resource_name = fmt::to_string(context.node.node_id), .resource_type = type});
  if (wants(kGroup))
    for (const auto& [name, config] : *context.backend.group_configs())
      response.config_resources.push_back({.resource_name = name, .resource_type = kGroup});
  reply.send(response);
}

}  // namespace server::kafka
