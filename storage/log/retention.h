// Computes the log start that the retention policy of a partition requires. The age of a record is
// the time since its append, by the server's clock. Timestamps of clients do not count: records
// with old timestamps would be deleted immediately (docs/adr/0027).
#pragma once
#include <functional>

#include "storage/log/cleanup_policy.h"
#include "storage/log/log_reader.h"
#include "storage/log/partition.h"

namespace storage {

// The size of the batches of a partition between two offsets. The cleaner keeps it up to date as batches are added and
// removed, because retention.bytes needs the size of the whole partition.
class BatchBytes {
 public:
  Offset begin() const { return begin_; }
  Offset end() const { return end_; }
  int64_t bytes() const { return bytes_; }
  int64_t mean_bytes_of(int64_t offsets) const;

  void restart(Offset at) { *this = BatchBytes(at, at, 0); }
  void set(Offset begin, Offset end, int64_t bytes) { *this = BatchBytes(begin, end, bytes); }
  // Adds the sizes of the batches from end() to `end` to bytes(). Reads the batches in short turns
  // of the reader, and calls `goes_on` before each turn. If `goes_on` returns false, the call fails
  // with QueryCanceled.
  using GoesOn = std::function<bool()>;
  Status grow_to(LogReader& reader, const TopicPartition& partition, Offset end,
                 const GoesOn& goes_on);
  // Removes the batches before `begin` from the range, and subtracts their sizes from bytes().
  // Reads in turns and calls `goes_on` like grow_to().
  Status shrink_to(LogReader& reader, const TopicPartition& partition, Offset begin,
                   const GoesOn& goes_on);
  // Returns the highest offset that is at most `limit` and from which on the batches have at least
  // `keep_bytes` in total. Retention may remove the batches before it.
  Result<Offset> place_for(LogReader& reader, const TopicPartition& partition, int64_t keep_bytes,
                           Offset limit, const GoesOn& goes_on) const;

  BatchBytes() = default;

 private:
  BatchBytes(Offset begin, Offset end, int64_t bytes) : begin_(begin), end_(end), bytes_(bytes) {}
  Offset begin_, end_;
  int64_t bytes_ = 0;
};

// Reads batches from `from` on, in one turn. Returns those of them that end before `end`.
Result<std::vector<BatchRef>> read_batches(LogReader& reader, const TopicPartition& partition,
                                           Offset from, Offset end);

// Returns an offset before which every record was appended more than `age_ms` before `now_ms`. Also
// considers the last append, which may not be in the time index yet.
Result<Offset> end_older_than(LogReader& reader, const Partition& partition, int64_t age_ms,
                              int64_t now_ms);

}  // namespace storage
