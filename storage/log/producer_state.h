// The state that a partition stores for an idempotent producer, so that each of its batches is
// appended once and in order.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "records/batch.h"
#include "records/control_batch.h"

namespace storage {

// Invariant: `recent` holds the newest batches of `epoch`, oldest first, at most kRemembered.
class ProducerState {
 public:
  // Number of batches that are remembered. A client may have at most this number of batches in
  // flight.
  static constexpr size_t kRemembered = 5;

  struct Append {};  // the batch is the next one
  struct Duplicate {
    Offset base_offset;
  };  // the batch was appended already, at this offset
  using Verdict = std::variant<Append, Duplicate>;

  // Decides whether the batch is to be appended. Makes the checks of Kafka's broker, in the same
  // order. Fails with FencedTask if the batch has an old epoch, and with OutOfOrderSequence if a
  // batch before it is missing. Unlike Kafka, it fails with UndefinedObject if the sequence belongs
  // to a transaction that has ended. The reason: librdkafka reuses the sequences of an aborted
  // transaction, so Kafka's rules would drop its new records as duplicates.
  Result<Verdict> check(const records::BatchHeader& batch) const;
  // Checks a marker, which has no sequence. Fails with FencedTask if the producer or the
  // coordinator that sent the marker has been replaced.
  Status check_marker(const records::BatchHeader& batch,
                      const records::TransactionMarker& marker) const;
  // Fails with FencedTask if the batch has an old epoch.
  Status check_epoch(const records::BatchHeader& batch) const;
  // Adds a batch that check() has accepted.
  void appended(const records::BatchHeader& batch, Offset base_offset, int64_t now_ms);
  // Returns the first offset of the producer's open transaction; nothing if it has none.
  std::optional<Offset> open_since() const { return open_since_; }
  std::optional<int32_t> coordinator_epoch() const { return coordinator_epoch_; }
  void set_open_since(std::optional<Offset> first) { open_since_ = first; }
  // Ends the transaction with a marker that check_marker() has accepted.
  void ended(const records::BatchHeader& batch, const records::TransactionMarker& marker,
             int64_t now_ms);
  // Removes the batches at or after `log_end` from `recent`. Returns false if no batch is left in
  // `recent`; the state then knows nothing about earlier batches.
  bool cut(Offset log_end);
  // Restores the state as it was before the producer wrote the batch `next`. `next` is the
  // producer's first batch that a truncation to `log_end` removes.
  void rewind(const records::BatchHeader& next, Offset log_end);
  // Returns the time of the last append, by the wall clock. ProducerSweep removes the states of
  // producers that have not appended for long.
  int64_t last_append_ms() const { return last_append_ms_; }
  int16_t epoch() const { return epoch_; }
  // Returns -1 if no batch of this epoch is known.
  int32_t last_sequence() const { return recent_.empty() ? -1 : recent_.back().last_sequence; }

  std::string encode() const;
  static Result<ProducerState> decode(std::string_view bytes);

 private:
  struct Batch {
    int32_t first_sequence, last_sequence;
    Offset base_offset;
  };
  int64_t last_append_ms_ = 0;
  int16_t epoch_ = -1;
  std::vector<Batch> recent_;
  std::optional<Offset> open_since_;
  std::optional<int32_t> coordinator_epoch_;  // epoch in the producer's last marker
};

}  // namespace storage
