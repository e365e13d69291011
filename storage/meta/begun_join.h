// A join that a single server has begun: the node that its data directory will belong to
// (docs/adr/0094). Written before etcd has the cluster's metadata, with the id of the first command
// there. A start as a single server erases the row.
#pragma once
#include <optional>

#include "storage/meta/cluster_membership.h"

namespace storage {

// These functions wait for the queue's writer.
Result<std::optional<ClusterMembership>> read_begun_join(TransactionQueue& queue);
Status write_begun_join(TransactionQueue& queue, const ClusterMembership& membership);
Status forget_begun_join(TransactionQueue& queue);

// Ends the join within another commit: the directory belongs to the node from then on.
Status end_join(WriteTransaction& transaction, const ClusterMembership& membership);

}  // namespace storage
