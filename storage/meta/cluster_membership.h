// The cluster and node that a data directory belongs to, kept in its log's store. A process that
// started the directory as another node would delete its partitions.
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
  // Id of the first command in the cluster's metadata log. An etcd with another one, or none, does
  // not have the metadata of the partitions here. Empty until the node has read a command.
  std::string first_command = {};
  // The node has read the log at least up to this revision. A log that ends before has lost later
  // commands, possibly those of the topics whose partitions are here.
  Revision last_revision = {};
  bool operator==(const ClusterMembership&) const = default;
};

// Both functions wait for the queue's writer, so they must not run on a loop. The result is nothing
// if the directory belongs to a single server.
Result<std::optional<ClusterMembership>> read_cluster_membership(TransactionQueue& queue);
Status write_cluster_membership(TransactionQueue& queue, const ClusterMembership& membership);
// Writes the membership without waiting, for loops.
void submit_cluster_membership(TransactionQueue& queue, const ClusterMembership& membership,
                               std::function<void(Status)> done);

}  // namespace storage
