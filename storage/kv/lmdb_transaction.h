// Transactions and cursors over LMDB's, for lmdb_store.cc.
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "storage/kv/kv.h"
#include "storage/kv/page_fault.h"
#include "storage/kv/recorded_changes.h"

namespace storage {

// Returns the error for one of LMDB's or the system's error numbers.
Error lmdb_failure(int code, std::string_view doing);
// Works like lmdb_failure(), for a process that opens a file only to look at it:
// InsufficientPrivilege if it may not, since the file may be intact.
Error lmdb_open_failure(int code, std::string_view doing);

// Commits and returns the result. The store supplies it, since it knows whether it can go on.
using Commit = std::function<Status(MDB_txn* ending)>;

// Read transactions that are not in use. Creating one takes memory for the maximum number of tables
// (1.6 MB, cleared), while renewing one costs only what exists; and a start reads the journals of
// ten thousand tasks, one after the other.
//
// Threads: any. Owner: the store.
class IdleReads {
 public:
  ~IdleReads() { clear(); }
  MDB_txn* take();                    // null if there is none; must be renewed
  void give_back(MDB_txn* finished);  // must be reset
  void clear();

 private:
  static constexpr size_t kMost = 4;  // each keeps one of the file's reader slots
  std::mutex mutex_;
  std::vector<MDB_txn*> reads_;  // guarded by mutex_
};

// `before` runs before each new snapshot; empty: nothing. It stays its owner's.
using BeforeRead = std::function<Status()>;
std::unique_ptr<ReadTransaction> wrap_lmdb_read(MDB_txn* transaction, const MappedPages& mapped,
                                                IdleReads& idle, const BeforeRead& before);
// Adds the changes to `changes`, unless it is null.
std::unique_ptr<WriteTransaction> wrap_lmdb_write(MDB_txn* transaction, const MappedPages& mapped,
                                                  RecordedChanges* changes, Commit commit);

}  // namespace storage
