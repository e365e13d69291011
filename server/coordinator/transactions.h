// The interface of the coordinators of transactions.
#pragma once
#include <vector>

#include "server/coordinator/coordinators.h"
#include "server/coordinator/transaction_partition.h"

namespace server::coordinator {

struct ListedTransactions {
  KafkaError error = KafkaError::None;
  std::vector<TransactionListing> all = {};
};

using Transactions = Coordinators<TransactionPartition, ListedTransactions>;

}  // namespace server::coordinator
