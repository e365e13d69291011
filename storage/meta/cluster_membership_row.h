// The encoding of a membership in the table `cluster` (docs/formats/cluster.md).
#pragma once
#include <functional>
#include <string_view>

#include "storage/meta/cluster_membership.h"

namespace storage {

inline constexpr std::string_view kMembershipKey = "membership";
inline constexpr std::string_view kBegunJoinKey = "joining";

// Blocks until the commit of `queue` is done.
Result<std::optional<ClusterMembership>> read_membership_row(TransactionQueue& queue,
                                                             std::string_view key);
Status put_membership_row(WriteTransaction& transaction, std::string_view key,
                          const ClusterMembership& membership);
Status erase_membership_row(WriteTransaction& transaction, std::string_view key);
// Runs `apply` in a commit of the queue, and waits until it is durable.
Status write_and_wait(TransactionQueue& queue, std::function<Status(WriteTransaction&)> apply);

}  // namespace storage
