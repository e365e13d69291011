// The cluster and the node to which a data directory belongs, stored in its log's store. The check
// is needed because another node that is started on the directory would delete its partitions.
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
  // If the log of an etcd has another first command, or none, it is not the log of the partitions
  // in this directory.
  std::string first_command = {};
  // A revision up to which the node has read the metadata log; it may have read more. If a log ends
  // before this revision, it has lost commands, possibly the commands that created the topics of
  // this directory.
  Revision last_revision = {};
  bool operator==(const ClusterMembership&) const = default;
};

// Both functions wait for the thread that writes the queue's commits, so they must not run on a
// loop. The first returns nothing if the directory belongs to a single server.
Result<std::optional<ClusterMembership>> read_cluster_membership(TransactionQueue& queue);
Status write_cluster_membership(TransactionQueue& queue, const ClusterMembership& membership);
// Writes the membership without waiting. For use on a loop.
void submit_cluster_membership(TransactionQueue& queue, const ClusterMembership& membership,
                               std::function<void(Status)> done);

}  // namespace storage
