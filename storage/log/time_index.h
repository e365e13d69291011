// A sparse index of a partition's batches, which finds offsets by time without reading the whole
// partition.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "storage/kv/kv.h"
#include "storage/log/partition.h"
#include "storage/log/stored_keys.h"

namespace storage {

// When a client partition has grown by kIndexEveryBytes or kIndexEveryBatches since the last
// entries, the commit that appends the batch also writes two entries:
//
//   timestamps    largest record timestamp so far  -> end offset: no earlier record has a larger one
//   append_times  time of the append               -> end offset: all earlier records are at least as old
//
// If a table already has an entry with the same time, its end offset is replaced. A look-up takes
// the last entry below the searched time, and reads from the entry's end offset on. It finds its
// record within one interval from there, even if the timestamps are not in order.
inline constexpr size_t kIndexEveryBytes = 256 << 10, kIndexEveryBatches = 1000;

// The batch that is being appended, for index_batch().
struct IndexedBatch {
  size_t size_bytes;
  int64_t max_timestamp;
  Offset end_offset;
};

// Reads the state of the partition's index from the store. Called before the first append of a
// process.
Result<TimeMark> load_time_mark(Transaction& transaction, const LogTables& tables,
                                const Partition& partition);
// Adds the batch to `mark`, and writes entries when they are due.
Status index_batch(WriteTransaction& transaction, const LogTables& tables,
                   const Partition& partition, TimeMark& mark, const IndexedBatch& batch,
                   int64_t now_ms);

// Removes entries for offsets after `log_end`. Called after a truncation.
Status cut_time_index(WriteTransaction& transaction, const LogTables& tables,
                      const Partition& partition, Offset log_end);

struct TimestampEntry {
  int64_t time;  // the largest of the records before end_offset
  Offset end_offset;
};
// Returns the newest entry; nothing if the partition is too short to have one.
Result<std::optional<TimestampEntry>> last_timestamp_entry(Transaction& transaction,
                                                           const LogTables& tables,
                                                           const Partition& partition);
// Returns the key of the first entry whose end offset is greater than `log_start`; if none is, the
// end of the partition's key range. `table` is one of the two tables of the index.
Result<std::string> first_time_behind(Transaction& transaction, TableHandle table,
                                      LogNumber partition, Offset log_start);

// Returns an offset before which every record has a timestamp below `timestamp`. The first record
// with a timestamp of `timestamp` or later is at most one interval of the index after this offset.
Result<Offset> first_candidate(Transaction& transaction, const LogTables& tables,
                               const Partition& partition, int64_t timestamp);
// Returns an offset before which every record was appended before `time_ms`; 0 if the index has no such offset.
// Retention by time of the append (docs/adr/0027) removes records only before this offset.
Result<Offset> end_appended_before(Transaction& transaction, const LogTables& tables,
                                   const Partition& partition, int64_t time_ms);

}  // namespace storage
