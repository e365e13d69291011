// A member of etcd whose data are gone comes back as a new one.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"

namespace server {

// Asks the members at `clients` (URLs), one after the other, to take the one at `peers` for a new one: what had that
// place before is removed, unless it has never started. Answers whether it may start now, as one of an existing
// cluster, and no sooner: who starts under a number whose votes and entries are gone breaks what a majority was
// promised. To be called again while it may not, as etcd takes no changes for some seconds after one. Only for a member
// without data. Fails with NetworkFailure where nobody answers. Blocks for some seconds at most.
Result<bool> rejoin_etcd(const std::vector<std::string>& clients, const std::string& peers);

}  // namespace server
