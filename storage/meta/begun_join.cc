#include "storage/meta/begun_join.h"

#include "storage/meta/cluster_membership_row.h"

namespace storage {

Result<std::optional<ClusterMembership>> read_begun_join(TransactionQueue& queue) {
  return read_membership_row(queue, kBegunJoinKey);
}

Status write_begun_join(TransactionQueue& queue, const ClusterMembership& membership) {
  return write_and_wait(queue, [membership](WriteTransaction& transaction) {
    return put_membership_row(transaction, kBegunJoinKey, membership);
  });
}

Status forget_begun_join(TransactionQueue& queue) {
  return write_and_wait(queue, [](WriteTransaction& transaction) {
    return erase_membership_row(transaction, kBegunJoinKey);
  });
}

Status end_join(WriteTransaction& transaction, const ClusterMembership& membership) {
  TRY(put_membership_row(transaction, kMembershipKey, membership));
  return erase_membership_row(transaction, kBegunJoinKey);
}

}  // namespace storage
