// Reads the records of one partition in either direction, for RECORDS.
#pragma once
#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "storage/log/log_reader.h"
#include "storage/log/topic_partition.h"

namespace server {

// A record with copies of its bytes, so that it stays valid after the reader's snapshot is released.
struct ScannedRecord {
  Offset offset;
  int64_t timestamp_ms = -1;  // negative: no timestamp
  std::optional<std::string> key, value;
  std::string raw_headers;
  std::string_view transaction = {};  // "committed", "aborted", "open"; empty: none

  size_t bytes() const {
    return sizeof(ScannedRecord) + (key ? key->size() : 0) + (value ? value->size() : 0) +
           raw_headers.size();
  }
};

// Reads the visible records in portions, including those of open and aborted transactions. Records
// of control batches are skipped, because they are markers of transactions and not data of a
// client.
//
// Invariant: the next position is after all records that take() has returned, or before all of them
// in a scan with the newest record first.
// Threads: one. Owner: one call of RECORDS.
class RecordScan {
 public:
  RecordScan(storage::LogReader& reader, storage::TopicPartition partition, bool is_newest_first,
             size_t portion_bytes)
      : reader_(reader),
        partition_(partition),
        is_newest_first_(is_newest_first),
        portion_bytes_(portion_bytes) {}

  // Sets the first record of the scan. With an offset, it is the record at this offset; an offset
  // outside of the partition is replaced by the nearest one inside. With a time, it is the first
  // record with this time or a later one or, with the newest record first, the last record with
  // this time or an earlier one. Without both, the scan begins with the oldest record or, with the
  // newest record first, with the newest record.
  Status begin(std::optional<int64_t> offset, std::optional<int64_t> time_ms);
  // Returns the next record without taking it; null after the last one. Reads a further portion if necessary.
  Result<const ScannedRecord*> peek();
  ScannedRecord take();
  // Returns the offset from which another scan can continue; nothing if no records are left.
  std::optional<Offset> position() const;

  // For a scan with the oldest record first: returns the offset of the next record that the scan
  // has not returned. After the last record, this is the end of the partition.
  Offset next_offset() const {
    return buffered_.empty() ? std::min(next_, end_) : buffered_.front().offset;
  }

  PartitionId partition() const { return partition_.partition; }
  size_t buffered_bytes() const { return buffered_bytes_; }

 private:
  Status read_portion();
  // Return the batches of the next portion. batches_onward() begins at the next offset.
  // batches_back() ends with the batch that contains the next offset or, if none does, with the
  // last batch before it.
  Result<std::vector<storage::BatchRef>> batches_onward();
  Result<std::vector<storage::BatchRef>> batches_back();
  Status add_batch(const storage::BatchRef& batch, const storage::AbortedBatches& aborted,
                   Offset stable_end);
  Result<std::optional<Offset>> offset_of(int64_t time_ms);

  storage::LogReader& reader_;
  const storage::TopicPartition partition_;
  const bool is_newest_first_;
  const size_t portion_bytes_;
  Offset start_, end_;  // the visible records as of begin()
  Offset next_;         // the next offset to read, in the direction of the scan
  // Used with newest first: the number of offsets that the next portion covers. The log can only be
  // read forwards, so batches_back() reads the whole window from its start. The size of the window
  // is adapted so that it has about as many bytes as a portion.
  int64_t window_ = 256;
  std::deque<ScannedRecord> buffered_;
  size_t buffered_bytes_ = 0;
  bool is_over_ = false;  // no further portions exist
};

}  // namespace server
