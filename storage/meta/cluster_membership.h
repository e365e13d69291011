// The cluster and the node to which a data directory belongs, stored in the store of its log. A
// node checks it at the start: if a node were started on the directory of another node, it would
// delete all partitions, because they are not assigned to it.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "storage/kv/kv.h"

namespace storage {

struct ClusterMembership {
  std::string cluster_id;
  NodeId node;
  // Id of the first command in the cluster's metadata log; empty until the node has read a command.
  // If the log in etcd begins with another command, or is empty, it is not the log that describes
  // the partitions in this directory.
  std::string first_command = {};
  // A revision of the metadata log that the node has read; it may have read later ones, too. If the
  // log in etcd ends before this revision, etcd has lost commands, possibly those that created the
  // topics of this directory.
  Revision last_revision = {};
  bool operator==(const ClusterMembership&) const = default;
};

// read_cluster_membership() and write_cluster_membership() wait for a commit of `queue`, so they must not run on a
// loop. The first one returns nothing if the directory belongs to a single server.
Result<std::optional<ClusterMembership>> read_cluster_membership(TransactionQueue& queue);
Status write_cluster_membership(TransactionQueue& queue, const ClusterMembership& membership);
// Writes the membership without waiting. For use on a loop.
void submit_cluster_membership(TransactionQueue& queue, const ClusterMembership& membership,
                               std::function<void(Status)> done);

}  // namespace storage
