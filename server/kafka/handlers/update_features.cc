#include <fmt/format.h>

#include <algorithm>

#include "server/kafka/apis.h"
#include "server/kafka/handlers/handlers.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

namespace {

// Why the feature cannot have that level; empty: it has it.
std::string refusal(const ApiVersionsResponse& supported, std::string_view feature, int16_t level) {
  const auto& features = supported.finalized_features;
  const auto found =
      std::ranges::find(features, feature, [](const auto& each) { return each.name; });
  if (found == features.end()) return fmt::format("there is no feature \"{}\"", feature);
  if (found->max_version_level == level) return {};
  return fmt::format("feature \"{}\" has level {} as long as this program runs, not {}", feature,
                     found->max_version_level, level);
}

}  // namespace

// Levels are the program's: to ask for the one that a feature has succeeds, all else is refused (KIP-584).
void handle_update_features(HandlerContext&, UpdateFeaturesRequest request,
                            Reply<UpdateFeaturesResponse> reply) {
  const ApiVersionsResponse supported = supported_versions();
  UpdateFeaturesResponse response;
  for (const UpdateFeaturesRequest::Update& update : request.feature_updates) {
    UpdateFeaturesResponse::Result& result = response.results.emplace_back();
    result.feature = update.feature;
    const std::string why = refusal(supported, update.feature, update.max_version_level);
    if (why.empty()) continue;
    result.error_code = response.error_code = kInvalidUpdateVersion;
    result.error_message = response.error_message = why;
  }
  reply.send(response);
}

}  // namespace server::kafka
