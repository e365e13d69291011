// The changes that compaction and retention make: they remove records and batches, in the same transactions as the
// appends of clients.
#include <algorithm>

#include "base/bytes.h"
#include "storage/log/batch_cursor.h"
#include "storage/log/group_transaction.h"

namespace storage {

Status GroupTransaction::clean(const CleanedBatches& cleaned) {
  Moved& moved = moved_[TRY(find(cleaned.partition))];
  const Partition& partition = *moved.partition;
  if (partition.number() != cleaned.number)
    return Error{ErrorCode::UnknownTopic, "the partition was recreated"};
  if (moved.is_truncated || partition.truncations() != cleaned.truncations)
    return Error{ErrorCode::QueryCanceled,
                 "records were truncated while the partition was compacted"};
  // A truncation before the pass has lowered the log end, or a batch has a damaged offset, so the
  // result of the pass cannot be used.
  if (cleaned.cleaned_end && *cleaned.cleaned_end > moved.state.log_end)
    return Error{ErrorCode::OffsetOutOfRange, "a compaction has passed the end of the log"};
  for (const CleanedBatches::Batch& batch : cleaned.batches) {
    const BatchKey key(partition, batch.last_offset);
    // If a batch was deleted after the pass read it, it is not written back.
    const bool is_forgotten =
        batch.task &&
        TRY(stored_task_output(producer_key(partition.number(), *batch.task))).last_offset() <
            Offset{0};
    if (batch.bytes.empty() || is_forgotten)
      TRY(transaction_->erase(partition.table(), key));
    else if (TRY(transaction_->get(partition.table(), key)))
      TRY(transaction_->put(partition.table(), key, batch.bytes));
  }
  moved.is_cleaned = true;
  moved.state.gaps_end = std::max(moved.state.gaps_end, cleaned.gaps_end);
  if (cleaned.cleaned_end)
    moved.state.cleaned_end = std::max(moved.state.cleaned_end, *cleaned.cleaned_end);
  return put_row(moved);
}

Status GroupTransaction::index_append_time(const TopicPartition& id) {
  const Moved& moved = moved_[TRY(find(id))];
  const Partition& partition = *moved.partition;
  // If this group has appended to the partition, the time of that append is used.
  const int64_t time_ms = moved.time_mark ? moved.time_mark->append_ms : partition.last_append_ms();
  if (time_ms == INT64_MAX) return {};
  std::string end;
  append_be(end, moved.state.log_end.value());
  return transaction_->put(tables_.append_times, time_key(partition.number(), time_ms), end);
}

}  // namespace storage
