// Removes the states of producers that have not appended for long. If a partition has too many
// states, also removes the oldest of them.
#pragma once
#include <absl/container/flat_hash_set.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/kv/kv.h"
#include "storage/log/stored_keys.h"

namespace storage {

// A sweep visits all entries of the table of producers. It works in slices of limited work, because clients wait while
// the log's writer does it. The next sweep begins some time after the end of the previous one. A partition with too
// many producers is visited twice: the first visit computes which append times are too old, and the second one removes
// the states with such times.
//
// Threads: the log's writer. Owner: LogCore.
class ProducerSweep {
 public:
  struct Limits {
    int64_t expiration_ms;
    size_t max_per_partition;
    bool forgets_foreign_tasks = true;  // explained at LogOptions::forgets_foreign_tasks
  };
  // `task_producers` has the producer ids of all existing tasks, and outlives the sweep. The sweep
  // never removes the state of a producer in this set.
  ProducerSweep(TableHandle producers, Limits limits,
                const absl::flat_hash_set<ProducerId>& task_producers)
      : producers_(producers), limits_(limits), task_producers_(task_producers) {}

  // Returns the time in ms until work() must be called.
  int64_t due_in_ms(int64_t now_ms) const;
  // Visits one slice. Returns how many states it has removed; 0 means that there is nothing to
  // commit. An error, for example of a damaged page, ends the sweep; the next sweep starts at its
  // usual time.
  Result<size_t> work(WriteTransaction& transaction, int64_t now_ms);

 private:
  // Results of the current visit to one partition.
  struct OfPartition {
    LogNumber number;
    std::vector<int64_t> append_times;
    // Set for the second visit, which removes states whose last append is at or before this time.
    std::optional<int64_t> cutoff_ms = {};
  };
  Result<size_t> try_slice(WriteTransaction& transaction, int64_t now_ms);
  void end_sweep(int64_t now_ms);
  bool is_to_go(int64_t append_ms, int64_t now_ms) const;
  bool look_at_producer(std::string_view value, int64_t now_ms);
  // Called after the last entry of a partition. Returns true if the partition must be visited
  // again.
  bool leave_partition();

  const TableHandle producers_;
  const Limits limits_;
  const absl::flat_hash_set<ProducerId>& task_producers_;
  std::string next_key_;     // the next entry to visit; empty between sweeps
  bool has_warned_ = false;  // this sweep has warned of a damaged state, which is skipped
  int64_t next_sweep_ms_ = 0;
  std::optional<OfPartition> partition_;
};

}  // namespace storage
