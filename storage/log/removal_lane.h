// Removes the entries of dropped partitions and trimmed journals, which no reader can see any longer. The log's writer
// does this in slices of limited work between its commits, so that a large removal does not delay clients.
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

// Invariants: a Removal (a range of entries that is being removed) is in the lane from the commit that writes its row
//    until the commit that erases the row. The lane alternates between the removals, slice by slice. A table is removed
//    only when every reader has begun a new turn (a read from one snapshot) since the partition of the table was
//    unpublished; an earlier turn may still use the table's handle.
//
// Threads: the log's writer. Owner: LogCore.
class RemovalLane {
 public:
  RemovalLane(TableHandle removals, const Clock& clock, LogOptions::RemovalBudget budget)
      : removals_(removals), clock_(clock), budget_(budget) {}

  // Continues the removals that an earlier process has not finished.
  Status recover(Transaction& transaction);
  // Adds a removal. Called after the commit that wrote the removal's row. `epoch` is a number of
  // ReadEpochs: a reader whose turn began before this epoch may still use the table.
  void add(const Removal& removal, uint64_t epoch);

  size_t size() const { return jobs_.size(); }
  size_t table_count() const { return table_count_; }  // tables that must still be removed

  // Works on one slice in the given transaction. The caller commits the transaction and then calls
  // committed(), or failed() if the commit failed. Returns false if all remaining removals wait for
  // readers.
  Result<bool> work(WriteTransaction& transaction, ReadEpochs& epochs);
  void committed();
  void failed() {
    done_.clear();
  }  // the entries are still in the tables, so the next slice finds them again

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
  absl::flat_hash_map<std::string, Job> jobs_;  // by the key of the job's row
  std::deque<std::string> order_;               // the keys of jobs_; the front is next
  // the keys of jobs that have removed their last entries, but the commit of this removal is still open
  std::vector<std::string> done_;
  size_t table_count_ = 0;
};

}  // namespace storage
