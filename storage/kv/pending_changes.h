// Changes that are durable in the journal of commits and not made in the data file yet.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "storage/kv/kept_puts.h"
#include "storage/kv/kv.h"
#include "storage/kv/page_fault.h"

struct MDB_env;

namespace storage {

// All that are pending become one commit of LMDB's, which is not synced. Whoever begins to read or to write makes them
// first. docs/adr/0073.
//
// Invariants: the entries of all that is pending have the number of LMDB's next commit, and that commit has all of them;
//   so while an entry with that number is on its way to the disk no such commit is made.
// Threads: any; begin_entry() and end_entry() by the one that writes. Owner: JournaledCommits.
class PendingChanges {
 public:
  PendingChanges(MDB_env* environment, const MappedPages& pages)
      : environment_(environment), pages_(pages) {}
  ~PendingChanges();

  // The number of the entry that is to be written; nothing where those before it cannot be made now, or where somebody has
  // lately looked at each, who would have to wait until it is made. Followed by end_entry().
  std::optional<uint64_t> begin_entry();
  // It is durable, and changes these tables; without changes: there is none. `puts`: of its changes.
  void end_entry(std::string_view changes, std::span<const TableHandle> tables, KeptPuts puts);
  // Between the two: what is pending of a key, nothing where the store has the newest of it. The value is valid until then.
  struct Found {
    std::optional<std::string_view> value = {};
    bool is_unknown = false;
  };
  Found find(TableHandle table, std::string_view key);
  // So many an entry may change: each is some pages more, for which there has to be space.
  static constexpr size_t kMostTables = 32;
  // Likewise so many keys that it puts somewhere among others; so many of them may be pending before it.
  static constexpr size_t kMostPuts = 32, kMostPutsPending = 64;

  // Makes all that is durable. While an entry is on its way, whoever asks waits for the disk: but only if others are
  // pending before it, which they are not where somebody has waited lately. 0, or an error number of LMDB's or the system's:
  // then they are still pending.
  int make();
  // Some have failed in a way that only opening the file again may mend.
  bool are_lost() const { return are_lost_; }

  // Nobody makes changes meanwhile.
  std::unique_lock<std::mutex> hold() { return std::unique_lock(mutex_); }
  // Commits that were made since this was asked last.
  size_t take_commits() { return commits_.exchange(0); }

 private:
  void wait_for_entry(std::unique_lock<std::mutex>& lock);
  int make_held();
  int make_in_one_commit();
  void note_made(size_t entries);
  bool are_made_together();
  void run();
  bool may_make() const { return !is_entry_on_its_way_ || changes_.empty(); }

  MDB_env* const environment_;
  const MappedPages pages_;
  std::atomic<bool> has_some_ = false, are_lost_ = false;
  std::atomic<size_t> commits_ = 0;
  std::mutex mutex_;
  std::condition_variable entry_ended_, due_;
  // Guarded by mutex_
  std::vector<std::string> changes_;  // of an entry each
  size_t bytes_ = 0;
  std::vector<TableHandle> tables_;  // that they change, each once
  KeptPuts puts_;                    // of all of them
  bool is_entry_on_its_way_ = false;
  size_t waiting_ = 0;                        // for it
  size_t entries_since_wait_ = SIZE_MAX / 2;  // of a reader
  bool is_asleep_ = false, is_ending_ = false;
  double mean_made_ = 16;   // entries in one commit, of the last few
  size_t not_pending_ = 0;  // entries since they were last made together
  std::thread thread_;      // makes what nobody asks for
};

}  // namespace storage
