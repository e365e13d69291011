// Changes that are durable in the journal of commits and not yet applied to the data file.
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

// All pending changes become one commit of LMDB, which is not synced. PendingChanges makes this
// commit before each read or write of the store (docs/adr/0073).
//
// Invariant: the journal entries of all pending changes have the number of LMDB's next commit, and
//   that commit contains all of them. So the commit must wait while an entry with its number is
//   being written to the journal.
// Threads: any; begin_entry() and end_entry() by the one that writes. Owner: JournaledCommits.
class PendingChanges {
 public:
  PendingChanges(MDB_env* environment, const MappedPages& pages)
      : environment_(environment), pages_(pages) {}
  ~PendingChanges();

  // Returns the commit number for the next journal entry; end_entry() must follow. Returns nothing
  // if the entry cannot be deferred now, for one of two reasons: earlier pending changes have to be
  // applied first, and this has failed; or readers have lately needed nearly every entry
  // immediately, so that deferring would only make them wait.
  std::optional<uint64_t> begin_entry();
  // Ends the entry that begin_entry() has begun. `changes` are the changes of the entry, which is
  // durable; `tables` are the tables that they change, and `puts` are the puts among them. If
  // `changes` is empty, no entry was written.
  void end_entry(std::string_view changes, std::span<const TableHandle> tables, KeptPuts puts);
  // The pending value of a key; nothing if the store has the newest value. `is_unknown` is true if
  // the table has pending appends, so that the value can only be read after make(). find() is
  // called between begin_entry() and end_entry(), and the value is valid until end_entry().
  struct Found {
    std::optional<std::string_view> value = {};
    bool is_unknown = false;
  };
  Found find(TableHandle table, std::string_view key);
  // The most tables that an entry may change: each table takes some more pages, for which space
  // must be reserved.
  static constexpr size_t kMostTables = 32;
  // Limits of the keys that one entry may put, and of the keys that may be pending when the entry
  // begins. A key that is stored between existing keys may need further pages, for which space must
  // be reserved.
  static constexpr size_t kMostPuts = 32, kMostPutsPending = 64;

  // Applies all pending changes. If an entry is being written to the journal and changes are
  // pending before it, make() waits until the entry is durable. This is rare: after a reader has
  // waited once, changes are applied before each entry is written. Returns 0, or an error number of
  // LMDB or the system; the changes are then still pending.
  int make();
  // Returns whether the pending changes can be applied only after the file has been opened again.
  bool are_lost() const { return are_lost_; }

  // Returns a lock that keeps all threads from applying changes.
  std::unique_lock<std::mutex> hold() { return std::unique_lock(mutex_); }
  // Returns how many commits of LMDB were made since the last call.
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
  std::vector<std::string> changes_;  // one string for each entry
  size_t bytes_ = 0;
  std::vector<TableHandle> tables_;  // tables of all changes, each once
  KeptPuts puts_;                    // puts of all changes
  bool is_entry_on_its_way_ = false;
  // number of callers that wait for the end of the entry in progress
  size_t waiting_ = 0;
  size_t entries_since_wait_ = SIZE_MAX / 2;  // number of entries since a reader last had to wait
  bool is_asleep_ = false, is_ending_ = false;
  double mean_made_ = 16;  // running mean of entries in one commit
  // number of entries since mean_made_ fell below kFewTogether; see are_made_together()
  size_t not_pending_ = 0;
  std::thread thread_;  // applies changes after some time if no reader needs them earlier
};

}  // namespace storage
