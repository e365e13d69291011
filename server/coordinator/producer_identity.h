// Types that coordinators and partitions share: the identity of a producer, and the end of one of
// its transactions.
#pragma once
#include <cstdint>

#include "base/ids.h"
#include "records/control_batch.h"

namespace server::coordinator {

struct ProducerIdentity {
  ProducerId id{-1};
  int16_t epoch = -1;  // a newer epoch fences older ones
  bool operator==(const ProducerIdentity&) const = default;
};

// The end of a transaction, as it is sent to one of the transaction's partitions.
struct TransactionEnded {
  ProducerIdentity producer;
  records::TransactionMarker marker;
};

}  // namespace server::coordinator
