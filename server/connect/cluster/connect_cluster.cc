#include "server/connect/cluster/connect_cluster.h"

#include <fmt/format.h>

#include <string>

namespace server {

namespace {

constexpr std::string_view kNode = "node", kShared = "shared";

Error not_in_cluster(std::string_view what, std::string hint) {
  return {ErrorCode::NotSupported,
          fmt::format("nodes of a cluster do not run {}", what),
          {},
          std::move(hint)};
}

}  // namespace

std::string pinned_node(const ConnectorConfig& config) {
  const auto pin = config.find(std::string(kNode));
  return pin == config.end() ? std::string() : pin->second;
}

Status check_runs_in_cluster(const UsableConfig& usable, int32_t node) {
  const std::string_view family = usable.family->name();
  if (usable.of->type == engine::ConnectorType::Sink)
    return not_in_cluster(
        "sink connectors yet",
        "A Kafka Connect cluster can: start each node with --connect-url, and add \"runs\" = "
        "'outside'.");
  if (family == "webhook")
    return not_in_cluster("webhooks yet",
                          "Send the records to /topics/NAME at the HTTP address of any node.");
  if (family == "postgres") return {};
  if (family != "file")
    return not_in_cluster(
        fmt::format("class {} yet", usable.of->name),
        "A Kafka Connect cluster can: start each node with --connect-url, and add \"runs\" = "
        "'outside'.");
  const std::string pin = usable.values.text(kNode);
  const bool is_shared = usable.values.flag(kShared);
  if (pin.empty() && !is_shared)
    return Error{
        ErrorCode::InvalidParameter,
        "in a cluster a connector of files states on which nodes the files are",
        {},
        fmt::format("Add \"node\" = '{}' for files of this node, or \"shared\" = 'true' for "
                    "a file system that all nodes mount.",
                    node)};
  if (!pin.empty() && is_shared)
    return Error{ErrorCode::InvalidParameter, "\"node\" and \"shared\" exclude each other"};
  if (!pin.empty() && pin != fmt::to_string(node))
    return Error{
        ErrorCode::InvalidParameter,
        fmt::format("the files of the connector are on node {}, and this is node {}", pin, node),
        {},
        fmt::format("Connect to node {}, and run the statement there.", pin)};
  return {};
}

}  // namespace server
