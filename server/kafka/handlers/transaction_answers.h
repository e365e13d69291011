// What the handlers of transactions have in common.
#pragma once
#include "server/coordinator/transaction_errors.h"

namespace server::kafka {

// Clients that do not know the code for it yet (KIP-588) are told that their epoch is an old one.
inline KafkaError known_to_client(KafkaError error, int16_t version, int16_t first_with_fenced) {
  return error == coordinator::kProducerFenced && version < first_with_fenced
             ? KafkaError::InvalidProducerEpoch
             : error;
}

}  // namespace server::kafka
