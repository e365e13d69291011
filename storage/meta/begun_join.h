// Stores that a single server has begun to join a cluster, and the node to which its data directory
// will belong (docs/adr/0094). The row is written before etcd gets the cluster's metadata, and has
// the id of the first command that will be written to etcd. If the directory is started as a single
// server again, the row is erased.
#pragma once
#include <optional>

#include "storage/meta/cluster_membership.h"

namespace storage {

// The following functions block until the commit of `queue` is done.
Result<std::optional<ClusterMembership>> read_begun_join(TransactionQueue& queue);
Status write_begun_join(TransactionQueue& queue, const ClusterMembership& membership);
Status forget_begun_join(TransactionQueue& queue);

// Ends the join as a part of another commit. After this commit the directory belongs to the node.
Status end_join(WriteTransaction& transaction, const ClusterMembership& membership);

}  // namespace storage
