// The connectors that nodes of a cluster run, and the node that a connector names (docs/adr/0161).
#pragma once
#include <cstdint>
#include <string>

#include "base/result.h"
#include "engine/connect/classes.h"
#include "engine/connect/properties.h"
#include "server/connect/connectors.h"

namespace server {

// Fails with NotSupported if nodes of a cluster do not run the class, and with InvalidParameter if
// the configuration does not state on which nodes its files are. The hint names what to write
// instead. `node` is the node of the statement: it looks for the files.
Status check_runs_in_cluster(const engine::ConnectorClass& of, const engine::PropertyValues& values,
                             int32_t node);

// Returns the node to which the property "node" of a configuration pins the connector, as text;
// empty: the leader of its partition of __connect_state runs the connector.
std::string pinned_node(const ConnectorConfig& config);

}  // namespace server
