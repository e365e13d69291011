// The external Kafka Connect cluster of a node, and the router that passes each statement to this
// cluster or to the connectors within the node.
#pragma once
#include <memory>

#include "base/result.h"
#include "server/connect/cluster/cluster_connect_log.h"
#include "server/connect/connector_router.h"
#include "server/connect/outside/outside_connectors.h"
#include "server/node/settings.h"
#include "server/sql/cluster_topics.h"

namespace server {

// Threads: made and stopped on the main thread; the connectors may be used on any. Owner: Node.
class ConnectParts {
 public:
  // Fails with InvalidParameter or StorageFailure if a URL or the file of the credentials is wrong.
  // `native` outlives the object.
  static Result<std::unique_ptr<ConnectParts>> open(const NodeSettings::OutsideConnect& settings,
                                                    Connectors* native);

  Connectors& connectors() { return router_; }
  // Ends all requests. Later requests are never answered.
  void stop();

 private:
  ConnectParts(std::unique_ptr<OutsideConnectors> outside, Connectors* native)
      : outside_(std::move(outside)), router_(native, outside_.get()) {}

  std::unique_ptr<OutsideConnectors> outside_;  // only if configured
  ConnectorRouter router_;
};

// Returns the functions with which connectors of a cluster commit. `topics` outlives them.
ConnectAppends connect_appends(ClusterTopics& topics);

}  // namespace server
