#include "storage/log/producer_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "base/bytes.h"
#include "storage/kv/damage.h"

namespace storage {

using records::advance_sequence;

namespace {
// Sizes in bytes of the parts that encode() writes: the part before the batches, each batch, and the part after
// them.
constexpr size_t kFixedSize = 10, kBatchSize = 16, kTransactionSize = 12;
}  // namespace

Result<ProducerState::Verdict> ProducerState::check(const records::BatchHeader& batch) const {
  const int32_t first = batch.base_sequence;
  const int32_t last = advance_sequence(first, batch.last_offset_delta);
  // Batches that a coordinator appends for a producer have no sequence. They are never sent a
  // second time, so they cannot be duplicates.
  if (first < 0) {
    TRY(check_epoch(batch));
    return Append{};
  }
  if (open_since_ && !batch.is_transactional())
    return Error{ErrorCode::ObjectState,
                 fmt::format("producer {} has an open transaction, and the batch is not part of it",
                             batch.producer_id.value())};
  if (epoch_ < 0) return Append{};
  if (batch.producer_epoch == epoch_) {
    for (const Batch& known : recent_) {
      if (known.first_sequence != first || known.last_sequence != last) continue;
      if (batch.is_transactional() && (!open_since_ || known.base_offset < *open_since_))
        return Error{ErrorCode::UndefinedObject,
                     fmt::format("sequence {} of producer {} belongs to a transaction that has "
                                 "ended",
                                 first, batch.producer_id.value())};
      return Duplicate{known.base_offset};
    }
  }
  TRY(check_epoch(batch));
  // The marker of a newer epoch raises the state's epoch and clears its batches, so the next
  // sequence is 0.
  const int32_t expected = batch.producer_epoch > epoch_ || recent_.empty()
                               ? 0
                               : advance_sequence(recent_.back().last_sequence, 1);
  if (first != expected)
    return Error{ErrorCode::OutOfOrderSequence,
                 fmt::format("producer {} sent sequence {}, but {} is the next one",
                             batch.producer_id.value(), first, expected)};
  return Append{};
}

void ProducerState::appended(const records::BatchHeader& batch, Offset base_offset,
                             int64_t now_ms) {
  last_append_ms_ = now_ms;
  if (batch.producer_epoch != epoch_) recent_.clear();
  epoch_ = batch.producer_epoch;
  if (batch.base_sequence < 0) return;
  if (recent_.size() == kRemembered) recent_.erase(recent_.begin());
  recent_.push_back({batch.base_sequence,
                     advance_sequence(batch.base_sequence, batch.last_offset_delta), base_offset});
}

Status ProducerState::check_epoch(const records::BatchHeader& batch) const {
  if (batch.producer_epoch >= epoch_) return {};
  return Error{ErrorCode::FencedTask,
               fmt::format("producer {} was replaced by a newer one", batch.producer_id.value())};
}

Status ProducerState::check_marker(const records::BatchHeader& batch,
                                   const records::TransactionMarker& marker) const {
  TRY(check_epoch(batch));
  if (coordinator_epoch_ && marker.coordinator_epoch < *coordinator_epoch_)
    return Error{ErrorCode::FencedTask,
                 fmt::format("coordinator epoch {} has ended", marker.coordinator_epoch)};
  return {};
}

void ProducerState::ended(const records::BatchHeader& batch,
                          const records::TransactionMarker& marker, int64_t now_ms) {
  last_append_ms_ = now_ms;
  if (batch.producer_epoch != epoch_) recent_.clear();
  epoch_ = batch.producer_epoch;
  open_since_.reset();
  coordinator_epoch_ = marker.coordinator_epoch;
}

bool ProducerState::cut(Offset log_end) {
  std::erase_if(recent_, [log_end](const Batch& batch) { return batch.base_offset >= log_end; });
  return !recent_.empty();
}

// If all remembered batches were truncated, the state keeps only the last sequence before `next`.
void ProducerState::rewind(const records::BatchHeader& next, Offset log_end) {
  const bool is_left = cut(log_end);
  if (is_left || next.producer_epoch != epoch_ || next.base_sequence <= 0) return;
  recent_.push_back({next.base_sequence - 1, next.base_sequence - 1, log_end - 1});
}

std::string ProducerState::encode() const {
  std::string bytes;
  append_be(bytes, last_append_ms_);
  append_be(bytes, epoch_);
  for (const Batch& batch : recent_) {
    append_be(bytes, batch.first_sequence);
    append_be(bytes, batch.last_sequence);
    append_be(bytes, batch.base_offset.value());
  }
  if (open_since_ || coordinator_epoch_) {
    append_be(bytes, open_since_.value_or(Offset{-1}).value());
    append_be(bytes, coordinator_epoch_.value_or(-1));
  }
  return bytes;
}

Result<ProducerState> ProducerState::decode(std::string_view bytes) {
  ByteReader in(bytes);
  ProducerState state;
  state.last_append_ms_ = in.be<int64_t>();
  state.epoch_ = in.be<int16_t>();
  // The state of a producer with transactions has a further part after its batches.
  const size_t rest = bytes.size() - std::min(bytes.size(), kFixedSize);
  const bool is_transactional = rest % kBatchSize == kTransactionSize;
  for (size_t left = rest / kBatchSize; left > 0 && in.ok(); --left) {
    Batch batch;
    batch.first_sequence = in.be<int32_t>();
    batch.last_sequence = in.be<int32_t>();
    batch.base_offset = Offset{in.be<int64_t>()};
    state.recent_.push_back(batch);
  }
  if (is_transactional) {
    const Offset first{in.be<int64_t>()};
    const auto coordinator_epoch = in.be<int32_t>();
    if (first >= Offset{0}) state.open_since_ = first;
    if (coordinator_epoch >= 0) state.coordinator_epoch_ = coordinator_epoch;
  }
  if (!in.ok() || !in.at_end() || state.recent_.size() > kRemembered)
    return damaged_data("the data file has a damaged producer state");
  assert(state.recent_.size() <= kRemembered);
  return state;
}

}  // namespace storage
