// The state that a partition keeps of each task that writes into it. The partition uses this state
// to append each of the task's batches once and in order.
#pragma once
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "records/batch.h"

namespace storage {

// Each task is a producer, with an id from a range that clients never get. So the id alone shows
// whether a batch comes from a task (TaskOutputState) or from a client (ProducerState).
inline constexpr ProducerId kFirstTaskProducer{int64_t{1} << 62};
inline bool is_task_producer(ProducerId producer) { return producer >= kFirstTaskProducer; }

// Returns whether `sequence` is older than `than`. Sequences wrap around, so `sequence` counts as
// older if `than` follows it within half of the range.
bool is_older_sequence(int32_t sequence, int32_t than);

// The task's journal has the task's sequences, and they continue as long as the task's query
// exists. So a single number per task is enough to detect every duplicate, however old it is. The
// partition stores this number until the query is dropped, even if the batches were trimmed or
// compacted away.
class TaskOutputState {
 public:
  enum class Verdict : uint8_t { Append, Duplicate };
  // Fails with OutOfOrderSequence if a batch before this one is missing. If the partition has no
  // state of the task, only the task's first batch is accepted.
  Result<Verdict> check(const records::BatchHeader& batch) const;
  // Adds a batch that check() has accepted.
  void appended(const records::BatchHeader& batch, Offset last_offset);
  // Restores the state before the batch with this sequence. Called when the log was truncated
  // before this batch.
  void cut(int32_t sequence, Offset log_end);

  // Returns the last offset of the newest batch. After a truncation, returns the last offset that
  // the truncation has left.
  Offset last_offset() const { return last_offset_; }

  //   next sequence i32, last offset i64
  std::string encode() const;
  static Result<TaskOutputState> decode(std::string_view bytes);

 private:
  int32_t next_sequence_ = 0;
  Offset last_offset_{-1};
};

}  // namespace storage
