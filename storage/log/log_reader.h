// Reads the log straight from the store's memory map, in turns.
#pragma once
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "storage/log/log.h"
#include "storage/log/transaction_index.h"

namespace storage {

// A batch in the map or in memory, valid until the turn ends. The base offset in its bytes is right.
struct BatchRef {
  std::string_view bytes;
  Offset base_offset, last_offset;
};

struct TimedOffset {
  Offset offset;
  int64_t timestamp;
};
// The first record of the batch that has this offset or a later one, and this timestamp or a later
// one; nothing when there is none. Unpacks the batch, which may take long. Threads: any.
Result<std::optional<TimedOffset>> find_by_time(const BatchRef& batch, int64_t timestamp,
                                                Offset from);

// What a partition remembers of an idempotent producer.
struct ActiveProducer {
  ProducerId id;
  int16_t epoch;
  int32_t last_sequence;
  int64_t last_append_ms;
  std::optional<Offset> open_since;          // its transaction
  std::optional<int32_t> coordinator_epoch;  // of the last marker
};

// How far a read goes.
enum class ReadUpTo : uint8_t {
  LastStable,     // what is visible and decided: for those who read what is committed only
  HighWatermark,  // what is visible
  LogEnd,         // what is durable: for followers
};

// When a turn takes its snapshot of the store.
enum class Snapshot : uint8_t {
  AtOnce,  // all answers are as of one commit, so two partitions can be compared
  // Who looks at one partition at a time, and at its end, is served from memory (recent_batches.h), so that the store may
  // carry out later what nobody reads. What is visible comes with its beginning: answers are as of the same moment or later
  // ones.
  WhenNeeded,
};

// Invariants: within a turn all answers come from one snapshot, unless that is taken when needed.
// Threads: one, its owner's. Owner: a shard, or whoever reads; gone before the Log is.
class LogReader {
 public:
  static Result<std::unique_ptr<LogReader>> open(Log& log);
  ~LogReader();

  // A turn is short: an open one keeps old pages from being reused. Turns do not nest.
  Status begin_turn(Snapshot snapshot = Snapshot::AtOnce);
  void end_turn();

  // --- Within a turn.

  // The newest commit that its snapshot, which was taken at once, contains.
  CommitId commit_id() const;

  // All that follow fail with UnknownTopic when the partition is not there.

  // Whole batches from the one that holds `from` on, up to the readable end, until `max_bytes` are
  // reached; at least one when there is one. The first may begin before `from`. Fails with
  // OffsetOutOfRange when `from` is below the log start or above the log end.
  Result<std::vector<BatchRef>> read(const TopicPartition& partition, Offset from, size_t max_bytes,
                                     ReadUpTo up_to = ReadUpTo::HighWatermark);
  Result<Offset> log_start(const TopicPartition& partition);
  // The first offset that is not visible in this turn.
  Result<Offset> readable_end(const TopicPartition& partition);
  // The first offset that is not visible, or belongs to a transaction that is not decided, in this turn.
  Result<Offset> last_stable_offset(const TopicPartition& partition);
  // Those that have batches between the offsets, in the order of their ends.
  Result<std::vector<AbortedTransaction>> aborted(const TopicPartition& partition, Offset from,
                                                  Offset end);
  // The largest timestamp of its visible records; nothing when none of them has one. Looks at the end of an
  // index and at the headers of the batches behind it.
  Result<std::optional<int64_t>> max_timestamp(const TopicPartition& partition);
  // Of the first visible record, or of the one that will be. In this turn the record is there, also when it is
  // deleted meanwhile, after which read() says so.
  Result<LeaderEpoch> first_leader_epoch(const TopicPartition& partition);
  // Under which it is led.
  Result<LeaderEpoch> leader_epoch(const TopicPartition& partition);
  // What its records take in the store, about.
  Result<uint64_t> size_bytes(const TopicPartition& partition);
  // Clients that write to it with sequences; as many as LogOptions::max_producers lets be remembered.
  Result<std::vector<ActiveProducer>> producers(const TopicPartition& partition);
  // The answer to OffsetsForLeaderEpoch.
  Result<EpochEnd> end_of_epoch(const TopicPartition& partition, LeaderEpoch asked);
  // The first batch that reaches to `from` or further and, by what its header says, has a record whose
  // timestamp is `timestamp` or later. Looks at a few entries of an index, then at the headers of the
  // batches between two of them.
  Result<std::optional<BatchRef>> batch_for_time(const TopicPartition& partition, int64_t timestamp,
                                                 Offset from);
  // An offset before which every record was appended before `time_ms`, by the server's clock; it
  // lies up to an entry of the index before the last such record.
  Result<Offset> end_appended_before(const TopicPartition& partition, int64_t time_ms);

 private:
  struct State;
  explicit LogReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace storage
