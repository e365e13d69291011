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

}  // namespace server::coordinator
