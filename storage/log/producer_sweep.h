// Removes the states of producers that have not appended for long, and the oldest ones if a
// partition has too many.
#pragma once
#include <absl/container/flat_hash_set.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/kv/kv.h"
#include "storage/log/stored_keys.h"

namespace storage {

// A sweep walks the whole table, a slice at a time; the next one begins a while after the last has
// ended. A partition with too many producers is walked twice: the first walk finds the time before
// which producers are removed.
//
// Threads: the log's writer. Owner: LogCore.
class ProducerSweep {
 public:
  struct Limits {
    int64_t expiration_ms;
    size_t max_per_partition;
    bool forgets_foreign_tasks = true;  // see LogOptions
  };
  // The state of a task's producer is removed when it is no longer in `task_producers` (which
  // outlives the sweep), and never before.
  ProducerSweep(TableHandle producers, Limits limits,
                const absl::flat_hash_set<ProducerId>& task_producers)
      : producers_(producers), limits_(limits), task_producers_(task_producers) {}

  // Returns the time until the sweep has something to do.
  int64_t due_in_ms(int64_t now_ms) const;
  // Walks one slice. Returns how many entries it has removed; 0 means that there is nothing to
  // commit. An error, for example of a damaged page, ends the sweep; the next one starts at its
  // usual time.
  Result<size_t> work(WriteTransaction& transaction, int64_t now_ms);

 private:
  // The findings of the current walk in one partition.
  struct OfPartition {
    LogNumber number;
    std::vector<int64_t> append_times;
    std::optional<int64_t> cutoff_ms = {};  // in the second walk: entries up to here are removed
  };
  Result<size_t> try_slice(WriteTransaction& transaction, int64_t now_ms);
  void end_sweep(int64_t now_ms);
  bool is_to_go(int64_t append_ms, int64_t now_ms) const;
  bool look_at_producer(std::string_view value, int64_t now_ms);
  // Returns whether the partition must be walked again.
  bool leave_partition();

  const TableHandle producers_;
  const Limits limits_;
  const absl::flat_hash_set<ProducerId>& task_producers_;
  std::string next_key_;     // empty between sweeps
  bool has_warned_ = false;  // this sweep has warned of a damaged state, which is skipped
  int64_t next_sweep_ms_ = 0;
  std::optional<OfPartition> partition_;
};

}  // namespace storage
