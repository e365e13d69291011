#include "server/sql/log_rows/record_scan.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "records/batch.h"
#include "storage/log/transaction_index.h"

namespace server {

namespace {

std::optional<std::string> copy_of(const std::optional<std::string_view>& bytes) {
  return bytes ? std::optional<std::string>(*bytes) : std::nullopt;
}

// Releases the reader's snapshot at the end of the scope.
using Turn = std::unique_ptr<storage::LogReader, void (*)(storage::LogReader*)>;
Turn turn_of(storage::LogReader& reader) {
  return {&reader, [](storage::LogReader* open) { open->end_turn(); }};
}

}  // namespace

Status RecordScan::begin(std::optional<int64_t> offset, std::optional<int64_t> time_ms) {
  TRY(reader_.begin_turn());
  const Turn turn = turn_of(reader_);
  start_ = TRY(reader_.log_start(partition_));
  end_ = std::max(start_, TRY(reader_.readable_end(partition_)));
  const Offset last = end_ - 1;
  next_ = is_newest_first_ ? last : start_;
  if (offset)
    next_ = is_newest_first_ ? std::min(Offset{*offset}, last) : std::max(Offset{*offset}, start_);
  if (time_ms && is_newest_first_) {
    // No record can be later than INT64_MAX, so the scan then begins at the end.
    const auto later = *time_ms < INT64_MAX ? TRY(offset_of(*time_ms + 1)) : std::nullopt;
    if (later) next_ = *later - 1;
  } else if (time_ms) {
    next_ = TRY(offset_of(*time_ms)).value_or(end_);
  }
  is_over_ = next_ < start_ || next_ >= end_;
  return {};
}

// Returns the first offset whose record has this time or a later one.
Result<std::optional<Offset>> RecordScan::offset_of(int64_t time_ms) {
  for (Offset from = start_; from < end_;) {
    const auto batch = TRY(reader_.batch_for_time(partition_, time_ms, from));
    if (!batch) return std::nullopt;
    if (const auto found = TRY(storage::find_by_time(*batch, time_ms, from))) return found->offset;
    // All records of this batch that have `time_ms` or a later time lie before `from`, so the
    // search continues after the batch.
    from = batch->last_offset + 1;
  }
  return std::nullopt;
}

Result<const ScannedRecord*> RecordScan::peek() {
  // Retention may remove the beginning of the partition after the batches of a portion were found,
  // and before their records are read. Reading then fails, and the next attempt reads the portion
  // again.
  constexpr int kMostAttempts = 8;
  for (int attempt = 1; buffered_.empty() && !is_over_; ++attempt) {
    Status read = read_portion();
    if (!read && read.error().code == ErrorCode::OffsetOutOfRange && attempt < kMostAttempts)
      continue;
    TRY(std::move(read));
    attempt = 0;
  }
  return buffered_.empty() ? nullptr : &buffered_.front();
}

ScannedRecord RecordScan::take() {
  ScannedRecord record = std::move(buffered_.front());
  buffered_.pop_front();
  buffered_bytes_ -= record.bytes();
  return record;
}

std::optional<Offset> RecordScan::position() const {
  if (!buffered_.empty()) return buffered_.front().offset;
  return is_over_ ? std::nullopt : std::optional(next_);
}

Status RecordScan::read_portion() {
  TRY(reader_.begin_turn());
  const Turn turn = turn_of(reader_);
  // Retention may have removed records since the last portion.
  start_ = std::max(start_, TRY(reader_.log_start(partition_)));
  if (!is_newest_first_) next_ = std::max(next_, start_);
  is_over_ = next_ < start_ || next_ >= end_;
  if (is_over_) return {};
  const std::vector<storage::BatchRef> batches =
      is_newest_first_ ? TRY(batches_back()) : TRY(batches_onward());
  if (batches.empty()) {
    is_over_ = true;
    return {};
  }
  const auto [first, last] = is_newest_first_ ? std::pair(batches.back(), batches.front())
                                              : std::pair(batches.front(), batches.back());
  const storage::AbortedBatches aborted(
      TRY(reader_.aborted(partition_, first.base_offset, last.last_offset + 1)));
  const Offset stable_end = TRY(reader_.last_stable_offset(partition_));
  for (const storage::BatchRef& batch : batches) {
    TRY(add_batch(batch, aborted, stable_end));
    next_ = is_newest_first_ ? batch.base_offset - 1 : batch.last_offset + 1;
  }
  is_over_ = next_ < start_ || next_ >= end_;
  return {};
}

Result<std::vector<storage::BatchRef>> RecordScan::batches_onward() {
  return reader_.read(partition_, next_, portion_bytes_);
}

Result<std::vector<storage::BatchRef>> RecordScan::batches_back() {
  constexpr int64_t kMostWindow = int64_t{1} << 40;
  while (true) {
    const Offset from = std::max(start_, next_ - (window_ - 1));
    std::vector<storage::BatchRef> batches;
    size_t bytes = 0;
    for (Offset at = from; at <= next_;) {
      const auto read = TRY(reader_.read(partition_, at, portion_bytes_));
      if (read.empty()) break;
      for (const storage::BatchRef& batch : read) {
        if (batch.base_offset > next_) break;
        batches.push_back(batch);
        bytes += batch.bytes.size();
      }
      at = read.back().last_offset + 1;
    }
    // Compaction may have removed all records of the window, so an earlier and larger window is
    // read.
    if (batches.empty() && from > start_) {
      window_ = std::min(kMostWindow, window_ * 4);
      continue;
    }
    if (bytes > 2 * portion_bytes_)
      window_ = std::max<int64_t>(1, window_ / 2);
    else if (bytes < portion_bytes_ / 2)
      window_ = std::min(kMostWindow, window_ * 2);
    // Returns only the newest batches of the window, up to the size of a portion. Later calls find
    // the older batches of the window again. This costs little, because a BatchRef is only a view
    // of the bytes.
    std::ranges::reverse(batches);
    size_t kept = 0;
    for (size_t kept_bytes = 0; kept < batches.size() && kept_bytes < portion_bytes_; ++kept)
      kept_bytes += batches[kept].bytes.size();
    batches.resize(kept);
    return batches;
  }
}

Status RecordScan::add_batch(const storage::BatchRef& ref, const storage::AbortedBatches& aborted,
                             Offset stable_end) {
  const auto batch = TRY(records::parse_batch(ref.bytes, records::BatchCheck::Shape));
  if (batch.header.is_control()) return {};
  std::string_view transaction;
  if (batch.header.is_transactional())
    transaction = ref.base_offset >= stable_end    ? "open"
                  : aborted.contains(batch.header) ? "aborted"
                                                   : "committed";
  std::string scratch;
  auto reader = TRY(records::RecordReader::open(batch, scratch));
  std::vector<ScannedRecord> found;
  for (records::RecordView record; reader.next(record);) {
    const Offset offset = ref.base_offset + record.offset_delta;
    if (offset < start_ || offset >= end_) continue;
    if (is_newest_first_ ? offset > next_ : offset < next_) continue;
    found.push_back({offset, record.timestamp, copy_of(record.key), copy_of(record.value),
                     std::string(record.raw_headers), transaction});
    buffered_bytes_ += found.back().bytes();
  }
  TRY(reader.status());
  if (is_newest_first_) std::ranges::reverse(found);
  std::ranges::move(found, std::back_inserter(buffered_));
  return {};
}

}  // namespace server
