// Settings of transactions, with Kafka's names and defaults.
#pragma once
#include <cstdint>

namespace server::coordinator {

struct TransactionRules {
  // If possible, the end of a transaction is stored in one commit together with its markers
  // (docs/adr/0032). This is switched off in a cluster of several nodes: followers replicate each
  // partition of that commit separately, so after a failure they could have only some of the
  // markers.
  bool ends_at_once = true;
  // A marker is sent again until the partition has confirmed it. The simulation switches this off,
  // and then has to detect the missing markers.
  bool tells_again = true;
};

struct TransactionSettings {
  int32_t topic_partitions = 50;           // transaction.state.log.num.partitions
  int32_t max_timeout_ms = 900'000;        // transaction.max.timeout.ms
  int64_t id_expiration_ms = 604'800'000;  // transactional.id.expiration.ms
  // The setting transaction.remove.expired.transaction.cleanup.interval.ms.
  int64_t expiration_check_ms = 3'600'000;
};

}  // namespace server::coordinator
