// Refuses links in a cluster whose nodes cannot all read their definitions.
#pragma once
#include "base/result.h"
#include "server/metadata/cluster_facts.h"

namespace server {

// Fails with NotSupported.
Status check_links(const ClusterFacts& facts);

}  // namespace server
