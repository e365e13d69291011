#include "storage/log/task_outputs.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "storage/kv/damage.h"

namespace storage {

bool is_older_sequence(int32_t sequence, int32_t than) {
  const uint32_t behind =
      (static_cast<uint32_t>(than) - static_cast<uint32_t>(sequence)) & INT32_MAX;
  return behind > 0 && behind <= INT32_MAX / 2;
}

Result<TaskOutputState::Verdict> TaskOutputState::check(const records::BatchHeader& batch) const {
  if (batch.base_sequence == next_sequence_) return Verdict::Append;
  if (last_offset_ >= Offset{0} && is_older_sequence(batch.base_sequence, next_sequence_))
    return Verdict::Duplicate;
  return Error{ErrorCode::OutOfOrderSequence,
               fmt::format("task producer {} sent sequence {}, but {} is the next one",
                           batch.producer_id.value(), batch.base_sequence, next_sequence_)};
}

void TaskOutputState::appended(const records::BatchHeader& batch, Offset last_offset) {
  next_sequence_ = records::advance_sequence(batch.base_sequence, batch.last_offset_delta + 1);
  last_offset_ = last_offset;
}

void TaskOutputState::cut(int32_t sequence, Offset log_end) {
  next_sequence_ = sequence;
  last_offset_ = log_end - 1;
}

std::string TaskOutputState::encode() const {
  std::string bytes;
  append_be(bytes, next_sequence_);
  append_be(bytes, last_offset_.value());
  return bytes;
}

Result<TaskOutputState> TaskOutputState::decode(std::string_view bytes) {
  ByteReader in(bytes);
  TaskOutputState state;
  state.next_sequence_ = in.be<int32_t>();
  state.last_offset_ = Offset{in.be<int64_t>()};
  if (!in.ok() || !in.at_end() || state.next_sequence_ < 0)
    return damaged_data("the data file has a damaged state of a task's outputs");
  return state;
}

}  // namespace storage
