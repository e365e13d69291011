// The definitions of connectors: a pure state machine over the "connectors" parts of the metadata
// log. A connector copies records from an outside system into topics, or from topics into an outside
// system. Names and values are those of Kafka Connect (https://kafka.apache.org/documentation/#connect).
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"

namespace storage {

// A "connectors" part of a metadata command or snapshot.
inline constexpr std::string_view kConnectorsPart = "connectors";

// The state that users want for a connector. The numbers are stored.
enum class ConnectorTarget : uint8_t { Running = 0, Paused = 1, Stopped = 2 };

using ConnectorConfig = std::map<std::string, std::string>;

struct ConnectorDefinition {
  std::string name;  // case is significant, as in Kafka Connect
  Uuid id;  // a connector that is dropped and created again has another id, and other positions
  std::string owner = {};  // role whose rights its tasks have; empty: no users exist
  ConnectorTarget target = ConnectorTarget::Running;
  // a reference to a secret is stored as the user wrote it, without the secret
  ConnectorConfig config = {};
  bool operator==(const ConnectorDefinition&) const = default;
};
using ConnectorDefinitionPtr = std::shared_ptr<const ConnectorDefinition>;
// All connectors, by name.
using Connectors = std::map<std::string, ConnectorDefinitionPtr, std::less<>>;

inline constexpr size_t kMostConnectors = 1'000;

struct ConnectorChange {
  std::string name;
  ConnectorDefinitionPtr put;  // null: the connector is dropped
};

std::string encode_connector_changes(const std::vector<ConnectorChange>& changes);
// Returns the connectors after the changes. Fails with IncompatibleFormat, StorageFailure or
// LimitExceeded, in the same way on all nodes.
Result<Connectors> apply_connector_changes(const Connectors& now, std::string_view part);
// Encodes all connectors, as changes to an empty state.
std::string encode_connectors(const Connectors& all);

}  // namespace storage
