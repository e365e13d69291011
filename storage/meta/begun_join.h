// What a directory of a server of its own is to become (docs/adr/0094): written before etcd has the cluster's metadata, with the
// id that their first command has or will have. While it is there nobody has started the server alone.
#pragma once
#include <optional>

#include "storage/meta/cluster_membership.h"

namespace storage {

// These wait for the queue's writer.
Result<std::optional<ClusterMembership>> read_begun_join(TransactionQueue& queue);
Status write_begun_join(TransactionQueue& queue, const ClusterMembership& membership);
Status forget_begun_join(TransactionQueue& queue);

// It has ended: the directory is that node's. Within a commit of somebody else.
Status end_join(WriteTransaction& transaction, const ClusterMembership& membership);

}  // namespace storage
