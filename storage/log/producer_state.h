// What a partition remembers about an idempotent producer, to append each of its batches once and
// in order.
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
  static constexpr size_t kRemembered = 5;  // as many as a client may have in flight

  struct Append {};  // it is the next one
  struct Duplicate {
    Offset base_offset;
  };  // it is there already, at this offset
  using Verdict = std::variant<Append, Duplicate>;

  // The rules of Kafka's broker, in its order. Fails with FencedTask when the epoch is an old one, with OutOfOrderSequence
  // when a batch is missing before this one and, unlike Kafka's, with UndefinedObject when it has the sequence of one
  // whose transaction has ended: librdkafka gives those of an aborted transaction again, and would lose what it has sent.
  Result<Verdict> check(const records::BatchHeader& batch) const;
  // Of a marker, which has no sequence: FencedTask when the producer, or the coordinator that sent it, has been
  // replaced.
  Status check_marker(const records::BatchHeader& batch,
                      const records::TransactionMarker& marker) const;
  // FencedTask when the batch is of an old epoch.
  Status check_epoch(const records::BatchHeader& batch) const;
  // Remembers the batch, which check() has let pass.
  void appended(const records::BatchHeader& batch, Offset base_offset, int64_t now_ms);
  // The first offset of its transaction, while that is open.
  std::optional<Offset> open_since() const { return open_since_; }
  std::optional<int32_t> coordinator_epoch() const { return coordinator_epoch_; }
  void set_open_since(std::optional<Offset> first) { open_since_ = first; }
  // Remembers the marker, which check_marker() has let pass; the transaction is over.
  void ended(const records::BatchHeader& batch, const records::TransactionMarker& marker,
             int64_t now_ms);
  // Forgets the batches at `log_end` and behind it. False when none are left: what came before them was
  // forgotten long ago.
  bool cut(Offset log_end);
  // As it was when `next` was to come, the first batch at `log_end` or behind it.
  void rewind(const records::BatchHeader& next, Offset log_end);
  // By the wall clock; producers that have not appended for long are forgotten.
  int64_t last_append_ms() const { return last_append_ms_; }
  int16_t epoch() const { return epoch_; }
  // -1 when nothing of this epoch is remembered.
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
  std::optional<int32_t> coordinator_epoch_;  // of its last marker
};

}  // namespace storage
