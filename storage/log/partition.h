// The state of a partition that the writer and the readers of this process share.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <utility>

#include <absl/container/flat_hash_map.h>

#include "base/errors.h"
#include "storage/kv/kv.h"
#include "storage/log/partition_status.h"
#include "storage/log/topic_partition.h"

namespace storage {

// A partition's number within its log. It is never reused, and is the prefix of the partition's
// keys in tables that partitions share.
using LogNumber = StrongNumber<struct LogNumberTag, int64_t>;

// The scheme for the names of client partitions' tables. When LMDB opens a table, it compares the
// table's name with the names of all open tables that have the same length. It opens ten thousand
// tables in 160 ms if all names have one length, and in 35 ms if the lengths differ.
enum class TableNaming : uint8_t { OneLength, ManyLengths };

// The row of a partition in the table `partitions`: everything that is stored except its batches.
struct PartitionRow {
  PartitionKind kind = PartitionKind::Client;
  LogNumber number = {};
  LeaderEpoch leader_epoch = {};
  Offset log_start = {};
  Offset end_when_empty = {};  // the log end if no batch exists: offsets are never reused
  ReplicaRole role = ReplicaRole::Alone;
  // High watermark at the last write of the row, so the current one may be higher; unused for
  // ReplicaRole::Alone.
  Offset high_watermark = {};
  Offset cleaned_end = {}, gaps_end = {};  // explained at PartitionStatus
  TableNaming naming = TableNaming::ManyLengths;
};

// The newest entry of a partition's history of epochs (epoch_history.h). A partition without
// entries has only epoch 0, which began at offset 0.
struct EpochStart {
  LeaderEpoch epoch;
  Offset start;
};

// Offsets, epoch and role of a partition.
struct PartitionState {
  Offset log_start, log_end;
  LeaderEpoch leader_epoch;
  ReplicaRole role = ReplicaRole::Alone;
  Offset high_watermark = {};  // unused for Alone, where all records up to the log end are visible
  Offset cleaned_end = {}, gaps_end = {};
  Offset first_undecided{INT64_MAX};  // first offset that is undecided (transaction_index.h)
  std::optional<EpochStart> newest_epoch = {};  // nothing: not read from the store yet
};

// Statistics of a partition that the time index needs for its next entries (time_index.h).
struct TimeMark {
  int64_t max_timestamp = INT64_MIN;       // largest of all records of the partition
  int64_t append_ms = INT64_MIN;           // time of the last append that was indexed
  size_t size_bytes = 0, batch_count = 0;  // appended since the newest entries
};

// Threads: the fields of PartitionStatus as described there.
//   publish() and mark_dropped() only on the thread of the log's writer.
//   advance_high_watermark() on any thread.
// Owner: the published partition maps, and the callers that poll the partition's status.
class Partition final : public PartitionStatus {
 public:
  Partition(const TopicPartition& id, const PartitionRow& row, TableHandle table,
            std::optional<Error> damage = {})
      : id_(id),
        kind_(row.kind),
        naming_(row.naming),
        number_(row.number),
        table_(table),
        damage_(std::move(damage)) {}

  const TopicPartition& id() const { return id_; }
  PartitionKind kind() const { return kind_; }
  TableNaming naming() const { return naming_; }
  LogNumber number() const { return number_; }
  // Returns the table of the batches, whose keys are BatchKeys. A client partition has its own
  // table; internal partitions share one.
  TableHandle table() const { return table_; }

  PartitionState state() const {
    std::lock_guard lock(mutex_);
    return {log_start(),   log_end(),  leader_epoch(),    role(),       high_watermark(),
            cleaned_end(), gaps_end(), first_undecided(), newest_epoch_};
  }
  void publish(const PartitionState& state);
  // Sets the high watermark: the offset up to which enough followers have the records. A follower
  // gets the value from its leader. Returns false if `offset` is not beyond the current high
  // watermark, or if the node does not lead or follow the partition under this epoch.
  bool advance_high_watermark(LeaderEpoch epoch, Offset offset);
  void mark_dropped() { dropped_.store(true); }
  // Returns the reason why the partition's batches cannot be read or written; nothing if the
  // partition is sound. The damage was found when the log was opened. A damaged partition reports
  // the offsets of its PartitionRow, and can only be dropped.
  const std::optional<Error>& damage() const { return damage_; }

  // Records that the partition has transactions. Called before the commit of the first
  // transactional batch, so that every reader that sees the batch also sees this flag.
  void note_transactions() { has_transactions_.store(true); }
  bool has_transactions() const { return has_transactions_.load(); }

  // Counts the truncations of this partition since the process started. A compaction pass that has
  // read batches writes them back only if the count has not changed: after a truncation, new
  // batches may have the offsets of the batches that were read. Threads: any.
  uint64_t truncations() const { return truncations_.load(std::memory_order_acquire); }
  void note_truncation() { truncations_.fetch_add(1, std::memory_order_acq_rel); }

  // Returns the statistics for the time index; nothing until the first append of this process. Only
  // for the log's writer.
  const std::optional<TimeMark>& time_mark() const { return time_mark_; }
  void set_time_mark(const std::optional<TimeMark>& mark) {
    time_mark_ = mark;
    if (mark) last_append_ms_.store(mark->append_ms, std::memory_order_release);
  }
  // Returns the time of the last append, or an upper bound of it: until the first append of this
  // process, it is the time at which the process opened the partition. Threads: any.
  int64_t last_append_ms() const { return last_append_ms_.load(std::memory_order_acquire); }
  void opened(int64_t now_ms) { last_append_ms_.store(now_ms, std::memory_order_release); }

 private:
  const TopicPartition id_;
  const PartitionKind kind_;
  const TableNaming naming_;
  const LogNumber number_;
  const TableHandle table_;
  const std::optional<Error> damage_;
  // Protects the high watermark, which both the log's writer and advance_high_watermark() change.
  mutable std::mutex mutex_;
  std::optional<EpochStart> newest_epoch_;  // guarded by mutex_
  std::optional<TimeMark> time_mark_;
  std::atomic<bool> has_transactions_{
      false};  // set by note_transactions(); a marker without a transactional batch does not set it
  std::atomic<int64_t> last_append_ms_{INT64_MAX};
  std::atomic<uint64_t> truncations_{0};
};

// All partitions as of one commit. The map is published as a whole; each change creates a new map.
//
// Invariant: a published map never changes. Threads: any.
class PartitionMap {
 public:
  // Returns null if the partition does not exist.
  const std::shared_ptr<Partition>* find(const TopicPartition& id) const {
    const auto& bucket = *buckets_[bucket_of(id)];
    const auto found = bucket.find(id);
    return found == bucket.end() ? nullptr : &found->second;
  }
  size_t count(PartitionKind kind) const { return counts_[static_cast<size_t>(kind)]; }

  template <class Visit>
  void for_each(const Visit& visit) const {
    for (const auto& bucket : buckets_)
      for (const auto& [id, partition] : *bucket) visit(partition);
  }

  using Partitions = std::span<const std::shared_ptr<Partition>>;
  std::shared_ptr<const PartitionMap> with(Partitions added, Partitions removed) const;

  PartitionMap();

 private:
  // A change copies only one of these buckets, so that adding a topic is cheap even with tens of
  // thousands of topics.
  static constexpr size_t kBuckets = 256;
  using Bucket = absl::flat_hash_map<TopicPartition, std::shared_ptr<Partition>>;
  static size_t bucket_of(const TopicPartition& id) {  // ids are random
    return (id.topic.bytes[0] + static_cast<size_t>(id.partition.value())) % kBuckets;
  }

  std::array<std::shared_ptr<const Bucket>, kBuckets> buckets_;
  size_t counts_[2] = {};
};

}  // namespace storage
