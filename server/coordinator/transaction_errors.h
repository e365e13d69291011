// Errors of Kafka's protocol for transaction coordinators, in addition to those of group_errors.h
// (https://kafka.apache.org/protocol#protocol_error_codes).
#pragma once
#include "server/coordinator/group_errors.h"

namespace server::coordinator {

inline constexpr KafkaError kInvalidTxnState{48};
inline constexpr KafkaError kInvalidProducerIdMapping{49};
inline constexpr KafkaError kInvalidTransactionTimeout{50};
inline constexpr KafkaError kConcurrentTransactions{51};
inline constexpr KafkaError kProducerFenced{90};
inline constexpr KafkaError kTransactionalIdNotFound{105};
inline constexpr KafkaError kTransactionAbortable{120};

// Returns whether the error results from the coordinator's state of the transaction. Clients give
// up the transaction because of such an error, so a coordinator must not send it if another
// coordinator has replaced it. The other errors concern the coordinator itself, or are temporary.
constexpr bool is_verdict(KafkaError error) {
  return error == kInvalidTxnState || error == kInvalidProducerIdMapping ||
         error == kProducerFenced || error == kTransactionalIdNotFound ||
         error == KafkaError::InvalidProducerEpoch;
}

}  // namespace server::coordinator
