// A node of a cluster, as the runtime of connectors uses it (docs/adr/0161).
#pragma once
#include <cstdint>
#include <functional>

#include "server/connect/checked_config.h"
#include "storage/log/topic_partition.h"

namespace server {

struct ConnectCluster {
  int32_t node = 0;  // --node-id of this node
  // Returns whether this node leads the partition now. Threads: any.
  std::function<bool(const storage::TopicPartition&)> leads;
};

// Fails with NotSupported if nodes of a cluster do not run the class, and with InvalidParameter if
// the configuration does not state on which nodes its files are. The hint names what to write
// instead. `node` is the node of the statement: it looks for the files.
Status check_runs_in_cluster(const UsableConfig& usable, int32_t node);

// Returns the node to which the property "node" of a configuration pins the connector, as text;
// empty: the leader of its partition of __connect_state runs the connector.
std::string pinned_node(const ConnectorConfig& config);

}  // namespace server
