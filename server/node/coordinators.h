// The coordinators of groups and of transactions, on the node's loops.
#pragma once
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "base/memory_budget.h"
#include "server/coordinator/group_shard.h"
#include "server/coordinator/groups.h"
#include "server/coordinator/transaction_shard.h"
#include "server/coordinator/transactions.h"
#include "server/node/coordinator_loops.h"
#include "server/node/kafka_part.h"
#include "server/node/share_state_relay.h"
#include "server/node/shared_topics.h"

namespace server {

class GroupCoordinators : public CoordinatorLoops<coordinator::GroupShard, coordinator::Groups,
                                                  coordinator::ListedGroups> {
 public:
  // `topics` has one entry per loop; `relays` too, or none on a lone node.
  GroupCoordinators(const std::vector<Place>& places, const Kind& kind, const Clock& clock,
                    const MakeShard& make_shard, std::vector<std::shared_ptr<SharedTopics>> topics,
                    const std::vector<std::shared_ptr<ShareStateRelay>>& relays)
      : CoordinatorLoops(places, kind, clock, make_shard), topics_(std::move(topics)) {
    for (size_t i = 0; i < relays.size(); ++i) relays[i]->set_groups(of(i));
  }

  // Reports that the partitions have new records or were deleted. Share groups that wait for these partitions then
  // check them. Any thread.
  void grown(std::span<const storage::TopicPartition> partitions) {
    for (const auto& topics : topics_) topics->grown(partitions);
  }
  // Collects the progress of all groups; groups that cannot be asked now are left out. Any thread; calls back on one of
  // the loops.
  void progress(std::function<void(std::vector<coordinator::GroupProgress>)> done) {
    gather<coordinator::GroupProgress>(
        [](const coordinator::GroupPartition& partition) { return partition.progress(); },
        [done = std::move(done)](KafkaError, std::vector<coordinator::GroupProgress> all) {
          done(std::move(all));
        });
  }

 private:
  std::vector<std::shared_ptr<SharedTopics>> topics_;  // shared with tasks posted to the loops
};
using TransactionCoordinators =
    CoordinatorLoops<coordinator::TransactionShard, coordinator::Transactions,
                     coordinator::ListedTransactions>;

// `settings` and `cluster` outlive the coordinators.
std::unique_ptr<GroupCoordinators> make_group_coordinators(
    const std::vector<CoordinatorPlace>& places, const coordinator::GroupSettings& settings,
    const Clock& clock, MemoryBudget& memory, KafkaPart& cluster);
// Converts the answer to the end of a transaction in a partition of group offsets to a Status.
Status status_of_end(KafkaError error);
// Creates the coordinators of transactions. They send the ends of transactions to `groups`, which
// outlives the result, and to the leaders of partitions if `cluster` routes transactions.
std::unique_ptr<TransactionCoordinators> make_transaction_coordinators(
    const std::vector<CoordinatorPlace>& places, const coordinator::TransactionSettings& settings,
    const Clock& clock, MemoryBudget& memory, GroupCoordinators& groups, KafkaPart& cluster);

}  // namespace server
