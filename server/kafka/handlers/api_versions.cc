#include "server/kafka/apis.h"
#include "server/kafka/handlers/handlers.h"

namespace server::kafka {

ApiVersionsResponse supported_versions() {
  ApiVersionsResponse response;
  for (const ApiRow& row : apis())
    response.api_keys.push_back({row.key, row.reported_min_version, row.max_version});
  return response;
}

void handle_api_versions(HandlerContext&, ApiVersionsRequest, Reply<ApiVersionsResponse> reply) {
  reply.send(supported_versions());
}

}  // namespace server::kafka
