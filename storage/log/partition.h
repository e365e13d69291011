// A partition as the writer and the readers of this process share it.
#pragma once
#include <array>
#include <atomic>
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

// A partition's number within its log, never given twice: what tables that partitions share have as
// the front of their keys.
using LogNumber = StrongNumber<struct LogNumberTag, int64_t>;

// How the table of a client partition is called. LMDB compares the name of a table that it opens with the names of
// all that are open, as far as they are of one length: so names of many lengths open ten thousand of them in 35 ms,
// where those of one length took 160.
enum class TableNaming : uint8_t { OneLength, ManyLengths };

// What the store keeps about a partition beside its batches.
struct PartitionRow {
  PartitionKind kind = PartitionKind::Client;
  LogNumber number = {};
  LeaderEpoch leader_epoch = {};
  Offset log_start = {};
  Offset end_when_empty = {};  // the log end if there is no batch: numbers are never given twice
  ReplicaRole role = ReplicaRole::Alone;
  Offset high_watermark = {};  // as last stored; it may have been further. Not of one that is alone
  Offset cleaned_end = {}, gaps_end = {};  // of compaction, see PartitionStatus
  TableNaming naming = TableNaming::ManyLengths;
};

// The newest entry of a partition's history of epochs (epoch_history.h); without one epoch 0 began at 0.
struct EpochStart {
  LeaderEpoch epoch;
  Offset start;
};

// Where a partition stands.
struct PartitionState {
  Offset log_start, log_end;
  LeaderEpoch leader_epoch;
  ReplicaRole role = ReplicaRole::Alone;
  Offset high_watermark = {};  // of one that is alone: the log end, whatever stands here
  Offset cleaned_end = {}, gaps_end = {};
  Offset first_undecided{INT64_MAX};  // of its transactions; see transaction_index.h
  std::optional<EpochStart> newest_epoch = {};  // nothing: to be read from the store
};

// What the time index has not got yet; see time_index.h.
struct TimeMark {
  int64_t max_timestamp = INT64_MIN;       // of all records of the partition
  int64_t append_ms = INT64_MIN;           // of the last append that was indexed
  size_t size_bytes = 0, batch_count = 0;  // since the newest entries
};

// Threads: see PartitionStatus; publish() and mark_dropped() on the writer's thread,
// advance_high_watermark() on any.
// Owner: shared by the published maps and whoever polls its status.
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
  // Of the batches, by BatchKey: its own for a client partition, shared for an internal one.
  TableHandle table() const { return table_; }

  PartitionState state() const {
    std::lock_guard lock(mutex_);
    return {log_start(),   log_end(),  leader_epoch(),    role(),       high_watermark(),
            cleaned_end(), gaps_end(), first_undecided(), newest_epoch_};
  }
  void publish(const PartitionState& state);
  // What enough followers have; a follower hears of it from its leader. False when it has moved so
  // far already, or when the partition is not led or followed under the epoch.
  bool advance_high_watermark(LeaderEpoch epoch, Offset offset);
  void mark_dropped() { dropped_.store(true); }
  // Why its batches cannot be read nor written, found at the start; nothing while they can. Its offsets are then those
  // that its row names, and it may be dropped.
  const std::optional<Error>& damage() const { return damage_; }

  // Before the commit of the first batch that makes it so: a reader whose snapshot has one sees it.
  void note_transactions() { has_transactions_.store(true); }
  bool has_transactions() const { return has_transactions_.load(); }

  // The writer's own: nothing until the first append of this process.
  const std::optional<TimeMark>& time_mark() const { return time_mark_; }
  void set_time_mark(const std::optional<TimeMark>& mark) {
    time_mark_ = mark;
    if (mark) last_append_ms_.store(mark->append_ms, std::memory_order_release);
  }
  // No record was appended later; of a partition that nothing was appended to since the start, when that
  // was. Threads: any.
  int64_t last_append_ms() const { return last_append_ms_.load(std::memory_order_acquire); }
  void opened(int64_t now_ms) { last_append_ms_.store(now_ms, std::memory_order_release); }

 private:
  const TopicPartition id_;
  const PartitionKind kind_;
  const TableNaming naming_;
  const LogNumber number_;
  const TableHandle table_;
  const std::optional<Error> damage_;
  mutable std::mutex mutex_;                // the high watermark has two writers
  std::optional<EpochStart> newest_epoch_;  // guarded by mutex_
  std::optional<TimeMark> time_mark_;
  std::atomic<bool> has_transactions_{
      false};  // undecided or aborted ones; markers may lie there without
  std::atomic<int64_t> last_append_ms_{INT64_MAX};
};

// All partitions as of one commit. Published as a whole; a change is a new map.
//
// Invariant: a map that others can see never changes. Threads: any.
class PartitionMap {
 public:
  // Null when there is none.
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
  // One of many buckets is copied for a change, so that one more topic costs little when there are
  // tens of thousands.
  static constexpr size_t kBuckets = 256;
  using Bucket = absl::flat_hash_map<TopicPartition, std::shared_ptr<Partition>>;
  static size_t bucket_of(const TopicPartition& id) {  // ids are random
    return (id.topic.bytes[0] + static_cast<size_t>(id.partition.value())) % kBuckets;
  }

  std::array<std::shared_ptr<const Bucket>, kBuckets> buckets_;
  size_t counts_[2] = {};
};

}  // namespace storage
