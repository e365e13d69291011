// What the log's writer does between groups: it removes what nobody can see any more, a slice at a
// time.
#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "storage/kv/kv.h"
#include "storage/log/log.h"
#include "storage/log/read_epochs.h"
#include "storage/log/stored_keys.h"

namespace storage {

// Invariants: a removal is in the lane from the commit that wrote its row until the commit that
// erases it. Removals take turns, a slice each. A table goes only when every reader has begun a
// turn since its partition was unpublished.
//
// Threads: the log's writer. Owner: LogCore.
class RemovalLane {
 public:
  RemovalLane(TableHandle removals, const Clock& clock, LogOptions::RemovalBudget budget)
      : removals_(removals), clock_(clock), budget_(budget) {}

  // Takes up what an earlier process had begun.
  Status recover(Transaction& transaction);
  // After the commit that wrote the row. `epoch`: readers whose turn is older may be using the
  // table.
  void add(const Removal& removal, uint64_t epoch);

  size_t size() const { return jobs_.size(); }
  size_t table_count() const { return table_count_; }  // tables that are yet to go

  // One slice, in a transaction of its own, which the caller commits and then tells how that went.
  // False when all that is left waits for readers.
  Result<bool> work(WriteTransaction& transaction, ReadEpochs& epochs);
  void committed();
  void failed() {
    done_.clear();
  }  // what is left lies in the tables; the next slice finds it there

 private:
  struct Job {
    uint64_t epoch;
    bool takes_table;
  };
  struct Spent {
    int64_t deadline_us;
    size_t size_bytes = 0;
  };
  enum class Progress { Some, All, Waits };
  bool is_over(const Spent& spent) const;
  Result<Progress> work_on(const std::string& key, WriteTransaction& transaction,
                           ReadEpochs& epochs, Spent& spent);

  const TableHandle removals_;
  const Clock& clock_;
  const LogOptions::RemovalBudget budget_;
  absl::flat_hash_map<std::string, Job> jobs_;  // by the key of its row
  std::deque<std::string> order_;               // the keys of jobs_; the front goes next
  std::vector<std::string> done_;               // in the slice that is not committed yet
  size_t table_count_ = 0;
};

}  // namespace storage
