#include "storage/log/compaction.h"

#include <algorithm>

#include "records/batch_filter.h"
#include "storage/log/retention.h"
#include "storage/log/task_outputs.h"

namespace storage {

namespace {

// Limits of one commit of cleaned batches. Such a commit takes some milliseconds.
constexpr size_t kMaxBatchesOfSlice = 512, kMaxBytesOfSlice = 256 << 10;
constexpr size_t kBytesOfTurn = 1 << 20;

bool is_left_alone(const records::BatchHeader& header) {
  return header.is_control() || header.is_transactional();
}

Error canceled() { return {ErrorCode::QueryCanceled, "cleaning is stopped"}; }

// Copies batches, because decompression may take long and an open snapshot prevents the reuse of
// pages. Returns one batch, or more if they are small.
Result<std::vector<std::string>> copy_batches(LogReader& reader, const TopicPartition& partition,
                                              Offset from, Offset end) {
  TRY(reader.begin_turn());
  std::vector<std::string> copies;
  const auto batches = reader.read(partition, from, kBytesOfTurn);
  if (batches)
    for (const BatchRef& batch : *batches)
      if (batch.last_offset < end) copies.emplace_back(batch.bytes);
  reader.end_turn();
  if (!batches) return batches.error();
  return copies;
}

}  // namespace

Compaction::Compaction(LogReader& reader, const Partition& partition, const CleanupPolicy& policy,
                       int64_t now_ms, Write write)
    : reader_(reader),
      partition_(partition),
      policy_(policy),
      now_ms_(now_ms),
      truncations_(partition.truncations()),
      write_(std::move(write)) {}

Result<Compaction::Outcome> Compaction::run(KeyOffsets& keys, Offset end,
                                            const std::function<bool()>& goes_on) {
  Outcome outcome;
  outcome.cleaned_end = end_ = TRY(fill(keys, end, goes_on));
  TRY(find_last_of_tasks(end_, goes_on));
  // Reads the batches from the log's start. `from` may skip offsets between two batches, where an
  // earlier pass has removed batches. Everything except compaction removes batches only from the
  // front.
  Offset from = partition_.log_start();
  while (from < end_) {
    if (!goes_on()) return canceled();
    const auto batches = TRY(copy_batches(reader_, partition_.id(), from, end_));
    if (batches.empty()) break;
    for (const std::string& batch : batches) {
      TRY(filter(keys, batch, outcome));
      from = TRY(records::parse_batch(batch, records::BatchCheck::Shape)).header.last_offset() + 1;
    }
    from = std::max(from, partition_.log_start());
  }
  TRY(flush(end_));
  return outcome;
}

Result<Offset> Compaction::fill(KeyOffsets& keys, Offset end,
                                const std::function<bool()>& goes_on) {
  Offset from = std::max(partition_.cleaned_end(), partition_.log_start());
  const Offset begin = from;
  while (from < end) {
    if (!goes_on()) return canceled();
    const auto batches = TRY(copy_batches(reader_, partition_.id(), from, end));
    if (batches.empty()) break;
    for (const std::string& bytes : batches) {
      const auto batch = TRY(records::parse_batch(bytes, records::BatchCheck::ShapeAndCrc));
      const bool is_whole = TRY(add_keys(keys, batch));
      // If the first batch alone has more keys than the map can hold, the pass continues after this
      // batch, and leaves its remaining keys uncleaned. Otherwise each pass would begin with this
      // batch and never get beyond it.
      if (!is_whole && from > begin) return from;
      from = batch.header.last_offset() + 1;
      if (!is_whole) return from;
    }
  }
  return std::max(from, end);
}

// Finds the last batch of each task before `end`. Reads headers only.
Status Compaction::find_last_of_tasks(Offset end, const std::function<bool()>& goes_on) {
  for (Offset from = partition_.log_start(); from < end;) {
    if (!goes_on()) return canceled();
    TRY(reader_.begin_turn());
    const auto batches = reader_.read(partition_.id(), from, kBytesOfTurn);
    Status status = batches ? Status() : Status(batches.error());
    const Offset begin = from;
    for (size_t i = 0; status && i < batches->size(); ++i) {
      const auto batch = records::parse_batch((*batches)[i].bytes, records::BatchCheck::Shape);
      if (!batch) status = batch.error();
      from = (*batches)[i].last_offset + 1;
      if (batch && from <= end && is_task_producer(batch->header.producer_id))
        last_of_tasks_[batch->header.producer_id] = (*batches)[i].last_offset;
    }
    reader_.end_turn();
    TRY(std::move(status));
    if (from == begin) break;
  }
  return {};
}

// Adds the keys of a batch. Returns false if the map is full before the last key. The map can still
// be used: each offset in it is the newest one among the records that were added.
Result<bool> Compaction::add_keys(KeyOffsets& keys, const records::BatchView& batch) {
  if (is_left_alone(batch.header)) return true;
  auto reader = TRY(records::RecordReader::open(batch, scratch_));
  for (records::RecordView record; reader.next(record);)
    if (record.key && !keys.put(*record.key, batch.header.base_offset + record.offset_delta))
      return false;
  TRY(reader.status());
  return true;
}

bool Compaction::keeps(const KeyOffsets& keys, const records::BatchHeader& header,
                       const records::RecordView& record) const {
  if (!record.key) return false;
  const auto newest = keys.find(*record.key);
  if (newest && *newest > header.base_offset + record.offset_delta) return false;
  const bool may_go = tombstones_go() && !policy_.keeps_tombstones &&
                      records::has_delete_horizon(header) && header.base_timestamp <= now_ms_;
  return record.value || !may_go;
}

Status Compaction::filter(const KeyOffsets& keys, const std::string& bytes, Outcome& outcome) {
  const auto batch = TRY(records::parse_batch(bytes, records::BatchCheck::ShapeAndCrc));
  const records::BatchHeader& header = batch.header;
  const auto size = static_cast<int64_t>(bytes.size());
  outcome.bytes_before += size;
  if (is_left_alone(header)) {
    outcome.bytes_after += size;
    return {};
  }
  kept_.clear();
  size_t kept_count = 0;
  bool has_tombstone = false;
  auto reader = TRY(records::RecordReader::open(batch, scratch_));
  for (records::RecordView record; reader.next(record);) {
    kept_.push_back(keeps(keys, header, record));
    kept_count += kept_.back() ? 1 : 0;
    has_tombstone |= kept_.back() && !record.value;
  }
  TRY(reader.status());
  const bool begins_horizon = has_tombstone && !records::has_delete_horizon(header);
  std::optional<int64_t> horizon_ms;
  if (begins_horizon)
    horizon_ms = policy_.delete_retention_ms > INT64_MAX - now_ms_
                     ? INT64_MAX
                     : now_ms_ + policy_.delete_retention_ms;
  if (has_tombstone && tombstones_go())
    outcome.next_horizon_ms =
        std::min(outcome.next_horizon_ms, horizon_ms.value_or(header.base_timestamp));
  if (kept_count == kept_.size() && kept_count > 0 && !begins_horizon) {
    outcome.bytes_after += size;
    return {};
  }
  CleanedBatches::Batch cleaned{header.last_offset(), {}};
  if (kept_count > 0) {
    cleaned.bytes = TRY(records::filter_batch(batch, kept_, horizon_ms, scratch_));
  } else if (const auto last = last_of_tasks_.find(header.producer_id);
             last != last_of_tasks_.end() && last->second == header.last_offset()) {
    cleaned.bytes = records::emptied_batch(batch);
    cleaned.task = header.producer_id;
  }
  outcome.bytes_after += static_cast<int64_t>(cleaned.bytes.size());
  slice_bytes_ += cleaned.bytes.size();
  slice_.batches.push_back(std::move(cleaned));
  if (slice_.batches.size() < kMaxBatchesOfSlice && slice_bytes_ < kMaxBytesOfSlice) return {};
  return flush(std::nullopt);
}

Status Compaction::flush(std::optional<Offset> cleaned_end) {
  slice_.partition = partition_.id();
  slice_.number = partition_.number();
  slice_.truncations = truncations_;
  slice_.gaps_end = end_;
  slice_.cleaned_end = cleaned_end;
  slice_bytes_ = 0;
  return write_(std::exchange(slice_, {}));
}

}  // namespace storage
