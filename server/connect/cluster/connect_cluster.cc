#include "server/connect/cluster/connect_cluster.h"

#include <fmt/format.h>

#include <string>

namespace server {

namespace {

constexpr std::string_view kNode = "node", kShared = "shared";
constexpr std::string_view kElsewhere =
    "Use a Kafka Connect cluster: start each node with --connect-url, and name a Java class with "
    "\"runs\" = 'outside'. Or run the connector on a single server.";

Error not_in_cluster(std::string_view what, std::string_view hint = kElsewhere) {
  return {ErrorCode::NotSupported,
          fmt::format("nodes of a cluster do not run {} yet", what),
          {},
          std::string(hint)};
}

}  // namespace

std::string pinned_node(const ConnectorConfig& config) {
  const auto pin = config.find(std::string(kNode));
  return pin == config.end() ? std::string() : pin->second;
}

Status check_runs_in_cluster(const engine::ConnectorClass& of, const engine::PropertyValues& values,
                             int32_t node) {
  if (of.type == engine::ConnectorType::Sink) return not_in_cluster("sink connectors");
  if (of.family == "webhook")
    return not_in_cluster("webhooks",
                          "Send the records to /topics/NAME at the HTTP address of any node, or "
                          "run the connector on a single server.");
  // Only this class has tests that kill and freeze the nodes of a cluster (ADR 0161).
  if (of.name != "file") return not_in_cluster(fmt::format("class {}", of.name));
  if (values.text("file").empty()) return not_in_cluster("sources of directories");
  const std::string pin = values.text(kNode);
  const bool is_shared = values.flag(kShared);
  if (pin.empty() && !is_shared)
    return Error{
        ErrorCode::InvalidParameter,
        "in a cluster a connector of files states on which nodes the files are",
        {},
        fmt::format("Add \"node\" = '{}' for files of this node, or \"shared\" = 'true' for "
                    "a file system that all nodes mount.",
                    node)};
  if (!pin.empty() && is_shared)
    return Error{ErrorCode::InvalidParameter,
                 "\"node\" and \"shared\" exclude each other",
                 {},
                 "Keep \"node\" for files of one node, or \"shared\" for a file system that all "
                 "nodes mount."};
  if (!pin.empty() && pin != fmt::to_string(node))
    return Error{
        ErrorCode::InvalidParameter,
        fmt::format("the files of the connector are on node {}, and this is node {}", pin, node),
        {},
        fmt::format("Connect to node {}, and run the statement there.", pin)};
  return {};
}

}  // namespace server
