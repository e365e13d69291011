// Errors of the protocol that transaction coordinators answer with, beside those of group_errors.h
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

// What a coordinator says of a transaction by what it knows of it. Clients give the transaction up, so who says it must
// be the coordinator still; other errors are about the coordinator, or pass.
constexpr bool is_verdict(KafkaError error) {
  return error == kInvalidTxnState || error == kInvalidProducerIdMapping ||
         error == kProducerFenced || error == kTransactionalIdNotFound ||
         error == KafkaError::InvalidProducerEpoch;
}

}  // namespace server::coordinator
