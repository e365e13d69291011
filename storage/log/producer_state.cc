#include "storage/log/producer_state.h"

#include <fmt/format.h>

#include <cassert>

#include "base/bytes.h"
#include "storage/kv/damage.h"

namespace storage {

using records::advance_sequence;

Result<ProducerState::Verdict> ProducerState::check(const records::BatchHeader& batch) const {
  const int32_t first = batch.base_sequence;
  const int32_t last = advance_sequence(first, batch.last_offset_delta);
  if (first < 0)
    return Error{ErrorCode::CorruptRecord, "batch of an idempotent producer has no sequence"};
  if (recent_.empty()) return Append{};
  if (batch.producer_epoch == epoch_) {
    for (const Batch& known : recent_)
      if (known.first_sequence == first && known.last_sequence == last)
        return Duplicate{known.base_offset};
  }
  if (batch.producer_epoch < epoch_)
    return Error{ErrorCode::FencedTask,
                 fmt::format("producer {} was replaced by a newer one", batch.producer_id.value())};
  const int32_t expected =
      batch.producer_epoch > epoch_ ? 0 : advance_sequence(recent_.back().last_sequence, 1);
  if (first != expected)
    return Error{ErrorCode::OutOfOrderSequence,
                 fmt::format("producer {} sent sequence {} where {} is next",
                             batch.producer_id.value(), first, expected)};
  return Append{};
}

void ProducerState::appended(const records::BatchHeader& batch, Offset base_offset,
                             int64_t now_ms) {
  last_append_ms_ = now_ms;
  if (batch.producer_epoch != epoch_) recent_.clear();
  epoch_ = batch.producer_epoch;
  if (recent_.size() == kRemembered) recent_.erase(recent_.begin());
  recent_.push_back({batch.base_sequence,
                     advance_sequence(batch.base_sequence, batch.last_offset_delta), base_offset});
}

bool ProducerState::cut(Offset log_end) {
  std::erase_if(recent_, [log_end](const Batch& batch) { return batch.base_offset >= log_end; });
  return !recent_.empty();
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
  return bytes;
}

Result<ProducerState> ProducerState::decode(std::string_view bytes) {
  ByteReader in(bytes);
  ProducerState state;
  state.last_append_ms_ = in.be<int64_t>();
  state.epoch_ = in.be<int16_t>();
  while (in.ok() && !in.at_end()) {
    Batch batch;
    batch.first_sequence = in.be<int32_t>();
    batch.last_sequence = in.be<int32_t>();
    batch.base_offset = Offset{in.be<int64_t>()};
    state.recent_.push_back(batch);
  }
  if (!in.ok() || state.recent_.size() > kRemembered)
    return damaged_data("the data file has a damaged producer state");
  assert(state.recent_.size() <= kRemembered);
  return state;
}

}  // namespace storage
