// Retention and compaction: cleans partitions by the policies of their topics.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/memory_budget.h"
#include "storage/log/cleanup_policy.h"
#include "storage/log/compaction.h"
#include "storage/log/log.h"
#include "storage/log/log_reader.h"
#include "storage/log/retention.h"

namespace storage {

struct LogCleanerOptions {
  const Clock* clock = nullptr;    // not null; outlives the cleaner
  MemoryBudget* memory = nullptr;  // charged with the bytes of the key map; null: not charged
  int64_t interval_ms = 10'000;    // time between two rounds
  size_t max_key_map_bytes = 32 << 20;
};

// The cleaner reads the log and decides on its own thread which records to delete. It passes the
// decisions in slices to the log's writer, which makes them durable like any other request. The
// writer frees the space of deleted records later (removal_lane.h).
//
// Invariants: the cleaner deletes no record at or after the high watermark, and none at or after
//   CleanupTarget::keep_from. It does not compact the newest batch of a partition, because the log
//   derives the log end from that batch.
//
// Threads: start, stop and held_back() from any; the other methods on the cleaner's thread, or on
//   the owner's if the cleaner has none.
// Owner: the node; destroyed before the Log.
class LogCleaner {
 public:
  // `port` outlives the cleaner.
  static Result<std::unique_ptr<LogCleaner>> open(Log& log, LogCleanerOptions options,
                                                  CleanupPort& port);
  ~LogCleaner();

  void start_thread();
  void stop();

  // Cleans all partitions in which the policy of the topic requires deletions or compaction now.
  // Logs failures, and tries again at the next call.
  void run_once();

  // Approximate number of a partition's records that the policy would delete now, and that are kept
  // because queries have not read them yet. Threads: held_back() from any.
  struct HeldBack {
    TopicPartition partition;
    int64_t records;
  };
  std::vector<HeldBack> held_back() const;

 private:
  // State of a partition that the cleaner keeps between two rounds. A round visits all partitions.
  struct Notes {
    LogNumber number;
    BatchBytes all;  // size of all batches, for retention.bytes
    // Size of the batches that compaction has processed (those before cleaned_end() of the
    // partition), and size of the batches after them.
    BatchBytes cleaned, fresh;
    int64_t next_horizon_ms = INT64_MAX;
    uint64_t round = 0;  // the last round in which the partition was a target
    // The state of the partition when the cleaner examined it last. If it has not changed, the
    // cleaner examines the partition again at next_look_ms.
    std::optional<Offset> seen_end;
    CleanupPolicy seen_policy;
    int64_t next_look_ms = 0;
  };
  LogCleaner(Log& log, LogCleanerOptions options, CleanupPort& port,
             std::unique_ptr<LogReader> reader);
  void run();
  bool goes_on() const { return !is_stopping_.load(); }
  bool is_idle();
  bool is_worth_a_look(const CleanupTarget& target);
  int64_t pause_ms_of(const CleanupTarget& target) const;
  Status clean(const CleanupTarget& target);
  Status index_appends(const Partition& partition, int64_t age_ms);
  Status retain(const CleanupTarget& target, const Partition& partition, Notes& notes);
  Status compact(const CleanupTarget& target, const Partition& partition, Notes& notes);
  Result<Offset> end_of_compaction(const CleanupTarget& target, const Partition& partition);
  Result<bool> is_due(const CleanupPolicy& policy, const Partition& partition, const Notes& notes);
  Status compact_once(const CleanupTarget& target, const Partition& partition, Notes& notes,
                      Offset end);
  Status write(CleanedBatches cleaned);
  void note_held_back(const TopicPartition& partition, int64_t records);

  Log& log_;
  const LogCleanerOptions options_;
  CleanupPort& port_;
  const std::unique_ptr<LogReader> reader_;
  const uint64_t key_seed_;
  std::map<TopicPartition, Notes> notes_;
  uint64_t round_ = 0;
  uint64_t seen_commits_ = UINT64_MAX;  // the log's commit count at the beginning of the last round
  // Time from which a round examines partitions even if seen_commits_ shows that nothing was
  // written.
  int64_t next_look_ms_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable stopping_;
  std::map<TopicPartition, int64_t> held_back_;  // Guarded by mutex_
  std::atomic<bool> is_stopping_ = false;
  std::thread thread_;
};

}  // namespace storage
