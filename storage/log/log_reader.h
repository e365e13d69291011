// Reads the log directly from the memory map of the store. The owner reads in turns: a turn lasts
// from begin_turn() to end_turn() and sees one snapshot.
#pragma once
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "storage/log/log.h"
#include "storage/log/transaction_index.h"

namespace storage {

// A batch in the store's memory map, or in the memory of recent batches. `bytes` is valid until end_turn(). The base
// offset is set in the bytes.
struct BatchRef {
  std::string_view bytes;
  Offset base_offset, last_offset;
};

struct TimedOffset {
  Offset offset;
  int64_t timestamp;
};
// Returns the first record of the batch at or after `from` whose timestamp is at least `timestamp`;
// nothing if the batch has no such record. Decompresses the batch, which may take long. Threads:
// any.
Result<std::optional<TimedOffset>> find_by_time(const BatchRef& batch, int64_t timestamp,
                                                Offset from);

// The state that a partition keeps for an idempotent producer.
struct ActiveProducer {
  ProducerId id;
  int16_t epoch;
  int32_t last_sequence;
  int64_t last_append_ms;
  std::optional<Offset> open_since;          // start of its open transaction
  std::optional<int32_t> coordinator_epoch;  // epoch in the last marker
};

// The end of a read: the first offset that it does not return.
enum class ReadUpTo : uint8_t {
  // end of the records that are visible and belong to no open transaction, for readers of committed
  // records
  LastStable,
  HighWatermark,  // all visible records
  LogEnd,         // all durable records, for followers
};

// When a turn takes its snapshot of the store. All data that the turn reads from the store are as of this snapshot.
enum class Snapshot : uint8_t {
  // at the start of the turn: all answers are as of one commit, so two partitions can be compared
  AtOnce,
  // At the first read that needs the store. This is for a reader that reads only the ends of
  // partitions, one partition at a time. Its reads are served from memory (recent_batches.h) as
  // long as possible, so that the store can postpone writing pages that no reader needs yet. The
  // visible end of a partition is fixed by the turn's first call for the partition. Other answers
  // about the partition are as of the same moment or a later one.
  WhenNeeded,
};

// Invariants: within a turn all answers come from one snapshot, except with Snapshot::WhenNeeded.
// Threads: one, its owner's. Owner: a shard or another reader; destroyed before the Log.
class LogReader {
 public:
  static Result<std::unique_ptr<LogReader>> open(Log& log);
  ~LogReader();

  // Begins a turn. Keep turns short: while a turn is open, old pages cannot be reused. Turns do not
  // nest.
  Status begin_turn(Snapshot snapshot = Snapshot::AtOnce);
  void end_turn();

  // --- Within a turn.

  // Returns the newest commit in the snapshot of a turn with Snapshot::AtOnce.
  CommitId commit_id() const;

  // All of the following methods fail with UnknownTopic if the partition does not exist.

  // Returns whole batches, from the one that contains `from` up to the readable end, until
  // `max_bytes` are reached; at least one batch if one exists. The first batch may begin before
  // `from`. Fails with OffsetOutOfRange if `from` is below the log start or above the log end.
  Result<std::vector<BatchRef>> read(const TopicPartition& partition, Offset from, size_t max_bytes,
                                     ReadUpTo up_to = ReadUpTo::HighWatermark);
  Result<Offset> log_start(const TopicPartition& partition);
  // Returns the first offset that is not visible in this turn.
  Result<Offset> readable_end(const TopicPartition& partition);
  // Returns the first offset in this turn that is not visible, or belongs to an undecided
  // transaction.
  Result<Offset> last_stable_offset(const TopicPartition& partition);
  // Returns the aborted transactions with batches between the offsets, in the order of their ends.
  Result<std::vector<AbortedTransaction>> aborted(const TopicPartition& partition, Offset from,
                                                  Offset end);
  // Returns the largest timestamp of the visible records; nothing if none of them has one. Reads
  // the end of an index and the headers of the batches after it.
  Result<std::optional<int64_t>> max_timestamp(const TopicPartition& partition);
  // Returns the leader epoch that has written the first visible record; if no record is visible,
  // the epoch of the next record. The record may be deleted during the turn; then read() reports
  // the deletion.
  Result<LeaderEpoch> first_leader_epoch(const TopicPartition& partition);
  // Returns the epoch under which the partition is led.
  Result<LeaderEpoch> leader_epoch(const TopicPartition& partition);
  // Returns the approximate number of bytes that the partition's records take in the store.
  Result<uint64_t> size_bytes(const TopicPartition& partition);
  // Returns the idempotent producers of the partition. Their number may exceed
  // LogOptions::max_producers, because the excess is removed only periodically.
  Result<std::vector<ActiveProducer>> producers(const TopicPartition& partition);
  // Returns the answer to Kafka's OffsetsForLeaderEpoch: see EpochEnd.
  Result<EpochEnd> end_of_epoch(const TopicPartition& partition, LeaderEpoch asked);
  // Returns the first batch that ends at `from` or later, and whose header has a maximum timestamp
  // of at least `timestamp`. Reads a few entries of the time index, and then the headers of the
  // batches from there up to the result.
  Result<std::optional<BatchRef>> batch_for_time(const TopicPartition& partition, int64_t timestamp,
                                                 Offset from);
  // Returns an offset before which every record was appended before `time_ms`, by the server's
  // clock. The result may be up to one interval of the time index lower than the exact offset.
  Result<Offset> end_appended_before(const TopicPartition& partition, int64_t time_ms);

 private:
  struct State;
  explicit LogReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace storage
