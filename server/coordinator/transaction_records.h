// The records of the partitions of __transaction_state, in Kafka's own layouts, so that tools which read
// that topic understand them (docs/formats/coordinators.md).
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace server::coordinator {

// As they are numbered in the records.
enum class TransactionState : int8_t {
  Empty = 0,
  Ongoing = 1,
  PrepareCommit = 2,
  PrepareAbort = 3,
  CompleteCommit = 4,
  CompleteAbort = 5,
};
// As Kafka's tools show it.
std::string_view name(TransactionState state);
bool is_transaction_state(std::string_view name);

// By topic; without doubles, in order.
using PartitionsByTopic = std::map<std::string, std::vector<int32_t>, std::less<>>;

// The last one is kept for the coordinator, who fences with it.
inline constexpr int16_t kMaxProducerEpoch = INT16_MAX - 1;
// Of the protocol of transactions: with it each end gives the producer a new epoch (KIP-890).
inline constexpr int16_t kSecondVersion = 2;

// TransactionLogValue: versions 0 and 1 are read, 1 is written.
struct TransactionValue {
  ProducerId producer_id{-1};
  ProducerId previous_producer_id{-1};  // before the epochs of it were exhausted
  ProducerId next_producer_id{-1};      // that it gets with its end, when they are
  int16_t epoch = -1;
  int32_t timeout_ms = 0;
  TransactionState state = TransactionState::Empty;
  PartitionsByTopic partitions = {};  // written to, and not told yet how it ended
  int64_t last_update_ms = -1;
  int64_t start_ms = -1;
  int16_t client_version =
      0;  // of the protocol that its client speaks, as far as it is 2 (KIP-890)
  bool operator==(const TransactionValue&) const = default;

  // It has been decided how it ends, and not all partitions have been told.
  bool is_prepared() const {
    return state == TransactionState::PrepareCommit || state == TransactionState::PrepareAbort;
  }
};

// TransactionLogKey, version 0.
std::string encode_transaction_key(std::string_view transactional_id);
std::string encode(const TransactionValue& value);
// Fail with IncompatibleFormat for versions that are not known, with DataCorrupted for what is cut.
Result<std::string> decode_transaction_key(std::string_view bytes);
Result<TransactionValue> decode_transaction_value(std::string_view bytes);

}  // namespace server::coordinator
