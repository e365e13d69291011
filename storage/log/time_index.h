// Finds offsets by time without walking a partition: sparse entries beside its batches.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "storage/kv/kv.h"
#include "storage/log/partition.h"
#include "storage/log/stored_keys.h"

namespace storage {

// Each so many bytes or batches of a client partition, whichever comes first, two entries are
// written in the commit of the batch at which it is so:
//
//   timestamps    the largest record timestamp so far  -> end offset: no record before it has a
// larger timestamp
//   append_times  the time of the append               -> end offset: all records before it were
// appended until then
//
// An entry whose time is there already is moved to the new end. So a look-up begins at the end of
// the last entry below its time, and finds its record within one distance of there, however much
// the timestamps jump.
inline constexpr size_t kIndexEveryBytes = 256 << 10, kIndexEveryBatches = 1000;

// A batch is to be counted in before the next append.
struct IndexedBatch {
  size_t size_bytes;
  int64_t max_timestamp;
  Offset end_offset;
};

// Where the partition stands; read from the store before the first append of a process.
Result<TimeMark> load_time_mark(Transaction& transaction, const LogTables& tables,
                                const Partition& partition);
// Notes the batch in `mark`, and writes entries when it is time.
Status index_batch(WriteTransaction& transaction, const LogTables& tables,
                   const Partition& partition, TimeMark& mark, const IndexedBatch& batch,
                   int64_t now_ms);

// After a truncation: takes away what is said of offsets behind `log_end`.
Status cut_time_index(WriteTransaction& transaction, const LogTables& tables,
                      const Partition& partition, Offset log_end);

struct TimestampEntry {
  int64_t time;  // the largest of the records before end_offset
  Offset end_offset;
};
// The newest; nothing when the partition is short.
Result<std::optional<TimestampEntry>> last_timestamp_entry(Transaction& transaction,
                                                           const LogTables& tables,
                                                           const Partition& partition);
// Of one of the two: the key of the first entry that says something of offsets behind `log_start`, or
// the end of the partition's keys.
Result<std::string> first_time_behind(Transaction& transaction, TableHandle table,
                                      LogNumber partition, Offset log_start);

// An offset before which every record has a timestamp below `timestamp`; the first that has not is
// near.
Result<Offset> first_candidate(Transaction& transaction, const LogTables& tables,
                               const Partition& partition, int64_t timestamp);
// An offset before which every record was appended before `time_ms`; 0 when none is known.
Result<Offset> end_appended_before(Transaction& transaction, const LogTables& tables,
                                   const Partition& partition, int64_t time_ms);

}  // namespace storage
