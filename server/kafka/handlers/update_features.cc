#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "server/kafka/apis.h"
#include "server/kafka/handlers/handlers.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

namespace {

using storage::FeatureLevel;

struct UpdateFeaturesRefusal {
  KafkaError code;
  std::string why;
};

// Checks an update of a feature whose level is fixed by the program. Returns the refusal, if any.
std::optional<UpdateFeaturesRefusal> refusal(const ApiVersionsResponse& supported,
                                             std::string_view feature, int16_t level) {
  const auto& features = supported.finalized_features;
  const auto found =
      std::ranges::find(features, feature, [](const auto& each) { return each.name; });
  if (found == features.end())
    return UpdateFeaturesRefusal{kInvalidUpdateVersion,
                                 fmt::format("feature \"{}\" does not exist", feature)};
  if (found->max_version_level == level) return std::nullopt;
  return UpdateFeaturesRefusal{
      kInvalidUpdateVersion,
      fmt::format("feature \"{}\" has the fixed level {} in this program, not {}", feature,
                  found->max_version_level, level)};
}

// Checks an update of the cluster's feature level. Each node must support the new level, according
// to a recent report to the controller. Returns the refusal, if any.
std::optional<UpdateFeaturesRefusal> refusal(const HandlerContext& context, const ClusterView& view,
                                             FeatureLevel level) {
  constexpr int64_t kStaleMs = 10'000;
  const FeatureLevel now = view.metadata->feature_level();
  if (level == now) return std::nullopt;
  if (level < now)
    return UpdateFeaturesRefusal{
        kInvalidUpdateVersion,
        fmt::format("the feature level {} of the cluster cannot be lowered", now.value())};
  if (level > storage::kNewestLevel)
    return UpdateFeaturesRefusal{kInvalidUpdateVersion,
                                 fmt::format("the program of this node supports levels up "
                                             "to {}",
                                             storage::kNewestLevel.value())};
  const auto failed = [](std::string why) {
    return UpdateFeaturesRefusal{kFeatureUpdateFailed, std::move(why)};
  };
  const ClusterView::MetadataLog* log = view.metadata_log.get();
  if (log == nullptr) return failed("the programs of the nodes are not known yet; try again");
  for (const auto& [id, node] : view.metadata->nodes()) {
    const auto reader =
        std::ranges::find(log->readers, id, &ClusterView::MetadataLog::Reader::node);
    if (view.find(id.value()) == nullptr || reader == log->readers.end() ||
        context.clock.wall_ms() - reader->heard_ms > kStaleMs)
      return failed(
          fmt::format("node {} is not available, so the level that it supports is not known: start "
                      "it with the new program, or remove it from the cluster",
                      id.value()));
    if (reader->knows < level)
      return failed(fmt::format("node {} runs a program that supports levels up to {}", id.value(),
                                reader->knows.value()));
  }
  return std::nullopt;
}

}  // namespace

// Updates features (KIP-584). The program fixes the levels, so only a request for the present level
// succeeds. The exception is millrace.version, the cluster's feature level, which can be raised.
void handle_update_features(HandlerContext& context, UpdateFeaturesRequest request,
                            Reply<UpdateFeaturesResponse> reply) {
  const ApiVersionsResponse supported = supported_versions();
  const auto view = context.backend.cluster();
  UpdateFeaturesResponse response;
  std::optional<FeatureLevel> raised;
  for (const UpdateFeaturesRequest::Update& update : request.feature_updates) {
    UpdateFeaturesResponse::Result& result = response.results.emplace_back();
    result.feature = update.feature;
    const bool is_clusters = view && view->metadata && update.feature == kClusterFeature;
    const FeatureLevel level{update.max_version_level};
    const auto refused = is_clusters ? refusal(context, *view, level)
                                     : refusal(supported, update.feature, level.value());
    if (refused) {
      result.error_code = response.error_code = refused->code;
      result.error_message = response.error_message = refused->why;
    } else if (is_clusters) {
      raised = level;
    }
  }
  // Either all updates are made or none.
  if (!raised || request.validate_only || response.error_code != KafkaError::None)
    return reply.send(response);
  context.backend.change_cluster(
      [level = *raised](const storage::ClusterSnapshot& cluster) {
        std::vector<std::string> parts;
        if (level > cluster.feature_level()) parts.push_back(storage::encode_raise_level(level));
        return parts;
      },
      [response, reply](const Status& done) mutable {
        if (!done) {
          response.error_code = kFeatureUpdateFailed;
          response.error_message = done.error().message;
          for (UpdateFeaturesResponse::Result& result : response.results)
            if (result.feature == kClusterFeature) {
              result.error_code = response.error_code;
              result.error_message = response.error_message;
            }
        }
        reply.send(response);
      });
}

}  // namespace server::kafka
