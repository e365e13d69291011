// Which node of which cluster a data directory belongs to, kept in its log's store: whoever started it as something
// else would take away what its partitions hold.
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
  // Of the cluster's metadata log: its first command's. An etcd that has another, or none, is not the one that
  // knew of the partitions here. Empty until the node has read one.
  std::string first_command = {};
  // So far it has read that log, at least: one that ends before has lost what came after, perhaps the topics whose
  // partitions are here.
  Revision last_revision = {};
  bool operator==(const ClusterMembership&) const = default;
};

// Both wait for the queue's writer; not for loops. Nothing where the directory belongs to a server of its own.
Result<std::optional<ClusterMembership>> read_cluster_membership(TransactionQueue& queue);
Status write_cluster_membership(TransactionQueue& queue, const ClusterMembership& membership);
// The same without waiting: for loops.
void submit_cluster_membership(TransactionQueue& queue, const ClusterMembership& membership,
                               std::function<void(Status)> done);

}  // namespace storage
