// The state that a partition keeps for a task that writes into it, to append each of its batches
// once and in order.
#pragma once
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "records/batch.h"

namespace storage {

// Tasks are producers with ids that no client gets, so that the id alone decides by which rules a
// batch is checked.
inline constexpr ProducerId kFirstTaskProducer{int64_t{1} << 62};
inline bool is_task_producer(ProducerId producer) { return producer >= kFirstTaskProducer; }

// Returns whether `sequence` is older than `than`. Sequences wrap: a sequence up to half of the
// range behind another is older, all others are ahead.
bool is_older_sequence(int32_t sequence, int32_t than);

// A task's sequences are in its journal and continue for as long as its query lives, so one number
// detects every duplicate, however old. The number is kept until the query is dropped, since the
// batches that it counts may have been trimmed or compacted away.
class TaskOutputState {
 public:
  enum class Verdict : uint8_t { Append, Duplicate };
  // Fails with OutOfOrderSequence if a batch is missing before this one. If the partition has no
  // state of the task, this applies to every batch except the task's first.
  Result<Verdict> check(const records::BatchHeader& batch) const;
  // Adds a batch that check() has accepted.
  void appended(const records::BatchHeader& batch, Offset last_offset);
  // Restores the state before the batch with this sequence. Called when the log was truncated
  // before this batch.
  void cut(int32_t sequence, Offset log_end);

  // Returns the last offset of the newest batch; after a truncation, the last offset that was left.
  Offset last_offset() const { return last_offset_; }

  //   next sequence i32, last offset i64
  std::string encode() const;
  static Result<TaskOutputState> decode(std::string_view bytes);

 private:
  int32_t next_sequence_ = 0;
  Offset last_offset_{-1};
};

}  // namespace storage
