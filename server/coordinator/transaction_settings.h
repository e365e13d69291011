// What can be set of transactions, with Kafka's names and defaults.
#pragma once
#include <cstdint>

namespace server::coordinator {

struct TransactionRules {
  // How a transaction ends is stored together with the markers, where that can be (docs/adr/0032). Not with several
  // nodes: others get the partitions of a commit one by one, and would find a half of it.
  bool ends_at_once = true;
  // A partition is told until it has answered. A simulation switches it off, and must find that.
  bool tells_again = true;
};

struct TransactionSettings {
  int32_t topic_partitions = 50;           // transaction.state.log.num.partitions
  int32_t max_timeout_ms = 900'000;        // transaction.max.timeout.ms
  int64_t id_expiration_ms = 604'800'000;  // transactional.id.expiration.ms
  // transaction.remove.expired.transaction.cleanup.interval.ms
  int64_t expiration_check_ms = 3'600'000;
};

}  // namespace server::coordinator
