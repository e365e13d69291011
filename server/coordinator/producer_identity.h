// A producer as coordinators and partitions know it, and how its transactions end.
#pragma once
#include <cstdint>

#include "base/ids.h"
#include "records/control_batch.h"

namespace server::coordinator {

struct ProducerIdentity {
  ProducerId id{-1};
  int16_t epoch = -1;  // a newer one fences those before it
  bool operator==(const ProducerIdentity&) const = default;
};

// How a transaction has ended, for one partition that it wrote to.
struct TransactionEnded {
  ProducerIdentity producer;
  records::TransactionMarker marker;
};

}  // namespace server::coordinator
