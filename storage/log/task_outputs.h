// What a partition remembers about a task that writes into it, to append each of its batches once and in
// order.
#pragma once
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "records/batch.h"

namespace storage {

// Tasks are producers with ids of their own, which no client is given: from the id alone everybody knows
// by which rules a batch is taken.
inline constexpr ProducerId kFirstTaskProducer{int64_t{1} << 62};
inline bool is_task_producer(ProducerId producer) { return producer >= kFirstTaskProducer; }

// Sequences wrap: what lies less than half of them behind is older, what lies further is ahead.
bool is_older_sequence(int32_t sequence, int32_t than);

// A task's sequences are in its journal and go on for as long as its query lives, so one number tells
// whatever is sent again, however old, and it is kept until the query is dropped: what it counts may have
// been trimmed or compacted away.
class TaskOutputState {
 public:
  enum class Verdict : uint8_t { Append, Duplicate };
  // Fails with OutOfOrderSequence when a batch is missing before this one; of a partition that knows
  // nothing of the task, that is every batch but its first.
  Result<Verdict> check(const records::BatchHeader& batch) const;
  // Remembers the batch, which check() has let pass.
  void appended(const records::BatchHeader& batch, Offset last_offset);
  // The log was cut in front of the batch that has this sequence.
  void cut(int32_t sequence, Offset log_end);

  // Of the newest batch; of one that was cut, where the log ended then.
  Offset last_offset() const { return last_offset_; }

  //   next sequence i32, last offset i64
  std::string encode() const;
  static Result<TaskOutputState> decode(std::string_view bytes);

 private:
  int32_t next_sequence_ = 0;
  Offset last_offset_{-1};
};

}  // namespace storage
