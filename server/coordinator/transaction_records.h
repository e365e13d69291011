// The records of __transaction_state, in Kafka's own layouts, so that tools that read the topic understand them
// (docs/formats/coordinators.md).
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace server::coordinator {

// The states of a transaction. The numbers are stored in the records.
enum class TransactionState : int8_t {
  Empty = 0,
  Ongoing = 1,
  PrepareCommit = 2,
  PrepareAbort = 3,
  CompleteCommit = 4,
  CompleteAbort = 5,
};
// Returns Kafka's name of the state.
std::string_view name(TransactionState state);
bool is_transaction_state(std::string_view name);

// Numbers of partitions by topic; sorted, without duplicates.
using PartitionsByTopic = std::map<std::string, std::vector<int32_t>, std::less<>>;

// The highest epoch that a producer gets. INT16_MAX is reserved for the coordinator, which uses it
// to fence producers.
inline constexpr int16_t kMaxProducerEpoch = INT16_MAX - 1;
// The second version of the transaction protocol, in which each end gives the producer a new epoch (KIP-890).
inline constexpr int16_t kSecondVersion = 2;

// The value of a transaction's record (Kafka's TransactionLogValue). Versions 0 and 1 are read, 1 is written.
struct TransactionValue {
  ProducerId producer_id{-1};
  // The id that the producer had before, if the epochs of that id were used up.
  ProducerId previous_producer_id{-1};
  // assigned at the end of the transaction if the epochs of producer_id are used up
  ProducerId next_producer_id{-1};
  int16_t epoch = -1;
  int32_t timeout_ms = 0;
  TransactionState state = TransactionState::Empty;
  PartitionsByTopic partitions = {};  // partitions of the transaction that have no marker yet
  int64_t last_update_ms = -1;
  int64_t start_ms = -1;
  // 2 if the client uses the second version of the protocol (KIP-890), otherwise 0
  int16_t client_version = 0;
  bool operator==(const TransactionValue&) const = default;

  // Returns whether the outcome is decided, while some partitions may have no marker yet.
  bool is_prepared() const {
    return state == TransactionState::PrepareCommit || state == TransactionState::PrepareAbort;
  }
};

// Encodes a key (Kafka's TransactionLogKey, version 0).
std::string encode_transaction_key(std::string_view transactional_id);
std::string encode(const TransactionValue& value);
// The decoders fail with IncompatibleFormat for unknown versions, and with DataCorrupted for truncated records.
Result<std::string> decode_transaction_key(std::string_view bytes);
Result<TransactionValue> decode_transaction_value(std::string_view bytes);

}  // namespace server::coordinator
