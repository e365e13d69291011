#include "server/kafka/apis.h"
#include "server/kafka/handlers/handlers.h"

namespace server::kafka {

namespace {

// Features by which clients detect protocols (KIP-584). Their levels are fixed by the program.
struct Feature {
  const char* name;
  int16_t level;
};
constexpr Feature kFeatures[] = {
    {"group.version", 1},        // consumer groups (KIP-848)
    {"share.version", 1},        // share groups (KIP-932)
    {"transaction.version", 2},  // the second version of the transaction protocol (KIP-890)
};

}  // namespace

ApiVersionsResponse supported_versions() {
  ApiVersionsResponse response;
  for (const ApiRow& row : apis())
    response.api_keys.push_back({row.key, row.reported_min_version, row.max_version});
  response.finalized_features_epoch = 0;
  for (const Feature& feature : kFeatures) {
    response.supported_features.push_back({feature.name, 0, feature.level});
    response.finalized_features.push_back({feature.name, feature.level, feature.level});
  }
  return response;
}

void handle_api_versions(HandlerContext& context, ApiVersionsRequest,
                         Reply<ApiVersionsResponse> reply) {
  ApiVersionsResponse response = supported_versions();
  if (const auto view = context.backend.cluster(); view && view->metadata) {
    const std::string name(kClusterFeature);
    const int16_t level = view->metadata->feature_level().value();
    response.supported_features.push_back(
        {name, storage::kFirstLevel.value(), storage::kNewestLevel.value()});
    response.finalized_features.push_back({name, level, level});
  }
  reply.send(response);
}

}  // namespace server::kafka
