// The port to the coordinators of transactions.
#pragma once
#include <algorithm>
#include <iterator>
#include <vector>

#include "server/coordinator/coordinators.h"
#include "server/coordinator/transaction_partition.h"

namespace server::coordinator {

struct ListedTransactions {
  KafkaError error = KafkaError::None;
  std::vector<TransactionListing> all = {};

  void add(ListedTransactions some) {
    if (some.error != KafkaError::None) error = some.error;
    std::ranges::move(some.all, std::back_inserter(all));
  }
  void add(const TransactionPartition& partition) { add({.all = partition.list()}); }
};

using Transactions = Coordinators<TransactionPartition, ListedTransactions>;

}  // namespace server::coordinator
