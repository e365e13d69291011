// The coordinators of transactions on one loop.
#pragma once
#include <utility>

#include "server/coordinator/coordinator_shard.h"
#include "server/coordinator/transaction_partition.h"

namespace server::coordinator {

class TransactionShard : public CoordinatorShard<TransactionPartition, TransactionSurroundings> {
 public:
  // `settings` and `port` outlive the shard.
  TransactionShard(const TransactionSettings& settings, CoordinatorPort& port, MemoryBudget& memory,
                   AllocateProducerId allocate, TellEnd tell_end, TransactionRules rules = {})
      : CoordinatorShard(
            port, memory, settings.expiration_check_ms, [&](Deadlines& deadlines, StateSize& size) {
              return TransactionSurroundings{
                  settings, deadlines, size, std::move(allocate), std::move(tell_end), rules};
            }) {}
};

}  // namespace server::coordinator
