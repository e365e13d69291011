// A member of etcd whose data are gone comes back as a new one.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"

namespace server {

// Where a member is: URLs for its clients and for the other members.
struct EtcdPlace {
  std::string clients, peers;
};

// Asks the `others`, one after the other, to take the one at `peers` for a new one: what had that
// place before is removed, unless it has never started. Answers whether it may start now, as one of an existing
// cluster, and no sooner: who starts under a number whose votes and entries are gone breaks what a majority was
// promised. To be called again while it may not, as etcd takes no changes for some seconds after one. Only for a member
// without data. Fails with NetworkFailure where nobody answers; who answers there and is of another etcd is nobody. Blocks for some seconds at most.
Result<bool> rejoin_etcd(const std::vector<EtcdPlace>& others, const std::string& peers);

}  // namespace server
