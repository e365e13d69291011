#include "storage/log/time_index.h"

#include <algorithm>
#include <cassert>
#include <numeric>

#include "base/bytes.h"
#include "records/batch.h"
#include "storage/kv/damage.h"
#include "storage/log/batch_cursor.h"

namespace storage {

namespace {

using TimeEntry = TimestampEntry;

std::string encode_end(Offset end_offset) {
  std::string value;
  append_be(value, end_offset.value());
  return value;
}

// Returns the partition's last entry whose time is before `time`; without a `time`, the partition's
// last entry.
Result<std::optional<TimeEntry>> last_before(Transaction& transaction, TableHandle table,
                                             LogNumber partition, std::optional<int64_t> time) {
  const auto cursor = TRY(transaction.cursor(table));
  const std::string end = time ? time_key(partition, *time) : time_key(partition + 1, INT64_MIN);
  const auto after = TRY(cursor->seek(end));
  const auto entry = after ? TRY(cursor->previous()) : TRY(cursor->last());
  if (!entry || TRY(decode_numbered_key(entry->key)).owner != partition.value())
    return std::nullopt;
  if (entry->value.size() != sizeof(int64_t))
    return damaged_data("the data file has a damaged time index");
  return TimeEntry{TRY(time_of_key(entry->key)), Offset{load_be<int64_t>(entry->value.data())}};
}

void count_in(TimeMark& mark, size_t size_bytes, int64_t max_timestamp) {
  mark.max_timestamp = std::max(mark.max_timestamp, max_timestamp);
  mark.size_bytes += size_bytes;
  ++mark.batch_count;
}

}  // namespace

Result<TimeMark> load_time_mark(Transaction& transaction, const LogTables& tables,
                                const Partition& partition) {
  TimeMark mark;
  Offset indexed_end;
  if (const auto last =
          TRY(last_before(transaction, tables.timestamps, partition.number(), std::nullopt))) {
    mark.max_timestamp = last->time;
    indexed_end = last->end_offset;
  }
  if (const auto last =
          TRY(last_before(transaction, tables.append_times, partition.number(), std::nullopt)))
    mark.append_ms = last->time;
  // Counts the batches since the newest entry of the index.
  auto cursor = TRY(BatchCursor::open(transaction, partition));
  for (auto stored = TRY(cursor.seek(indexed_end)); stored; stored = TRY(cursor.next())) {
    const auto batch = TRY(records::parse_batch(stored->bytes, records::BatchCheck::Shape));
    count_in(mark, stored->bytes.size(), batch.header.max_timestamp);
  }
  return mark;
}

Status index_batch(WriteTransaction& transaction, const LogTables& tables,
                   const Partition& partition, TimeMark& mark, const IndexedBatch& batch,
                   int64_t now_ms) {
  assert(partition.kind() == PartitionKind::Client);  // exchanges are never looked up by time
  count_in(mark, batch.size_bytes, batch.max_timestamp);
  mark.append_ms = std::max(mark.append_ms, now_ms);  // max, because the clock may be set back
  if (mark.size_bytes < kIndexEveryBytes && mark.batch_count < kIndexEveryBatches) return {};
  mark.size_bytes = 0;
  mark.batch_count = 0;
  const std::string end = encode_end(batch.end_offset);
  TRY(transaction.put(tables.timestamps, time_key(partition.number(), mark.max_timestamp), end));
  return transaction.put(tables.append_times, time_key(partition.number(), mark.append_ms), end);
}

Status cut_time_index(WriteTransaction& transaction, const LogTables& tables,
                      const Partition& partition, Offset log_end) {
  for (const TableHandle table : {tables.timestamps, tables.append_times})
    while (true) {
      const auto last = TRY(last_before(transaction, table, partition.number(), std::nullopt));
      if (!last || last->end_offset <= log_end) break;
      TRY(transaction.erase(table, time_key(partition.number(), last->time)));
    }
  return {};
}

Result<std::optional<TimestampEntry>> last_timestamp_entry(Transaction& transaction,
                                                           const LogTables& tables,
                                                           const Partition& partition) {
  return last_before(transaction, tables.timestamps, partition.number(), std::nullopt);
}

// Times and offsets ascend together. The entry is found by bisection over the time, because many
// entries may lie before it.
Result<std::string> first_time_behind(Transaction& transaction, TableHandle table,
                                      LogNumber partition, Offset log_start) {
  const std::string end = time_key(partition + 1, INT64_MIN);
  const auto last = TRY(last_before(transaction, table, partition, std::nullopt));
  if (!last || last->end_offset <= log_start) return end;
  const auto cursor = TRY(transaction.cursor(table));
  int64_t before = INT64_MIN, found = last->time;
  // Invariant: the first entry whose time is `found` or later has an end offset after the log
  // start, and the entries with times below `before` do not.
  while (before < found) {
    const int64_t middle = std::midpoint(before, found);
    const auto entry = TRY(cursor->seek(time_key(partition, middle)));
    if (!entry || entry->value.size() != sizeof(int64_t))
      return damaged_data("the data file has a damaged time index");
    if (Offset{load_be<int64_t>(entry->value.data())} > log_start)
      found = middle;
    else
      before = TRY(time_of_key(entry->key)) + 1;
  }
  const auto entry = TRY(cursor->seek(time_key(partition, found)));
  return entry ? std::string(entry->key) : end;
}

Result<Offset> first_candidate(Transaction& transaction, const LogTables& tables,
                               const Partition& partition, int64_t timestamp) {
  const auto last = TRY(last_before(transaction, tables.timestamps, partition.number(), timestamp));
  return last ? last->end_offset : Offset{0};
}

Result<Offset> end_appended_before(Transaction& transaction, const LogTables& tables,
                                   const Partition& partition, int64_t time_ms) {
  const auto last = TRY(last_before(transaction, tables.append_times, partition.number(), time_ms));
  return last ? last->end_offset : Offset{0};
}

}  // namespace storage
