// Transactions and cursors that wrap those of LMDB, for the files of this folder.
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
// Works like lmdb_failure(), for a process that opens a file only to read it. Returns
// InsufficientPrivilege if the process may not, since the file may be intact.
Error lmdb_open_failure(int code, std::string_view doing);

// Commits the transaction and returns the result. The store supplies this function, since the store
// knows whether it can accept further writes.
using Commit = std::function<Status(MDB_txn* ending)>;

// Keeps read transactions that are not in use. To create one takes memory for the maximum number of
// tables (1.6 MB, cleared), while to renew one costs only as much as the existing tables; and a
// start reads the journals of ten thousand tasks, one after the other.
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

// Runs before each new snapshot; may be empty. The read transaction refers to the caller's object.
using BeforeRead = std::function<Status()>;
std::unique_ptr<ReadTransaction> wrap_lmdb_read(MDB_txn* transaction, const MappedPages& mapped,
                                                IdleReads& idle, const BeforeRead& before);
// Wraps a write transaction, and adds its changes to `changes`, unless `changes` is null.
std::unique_ptr<WriteTransaction> wrap_lmdb_write(MDB_txn* transaction, const MappedPages& mapped,
                                                  RecordedChanges* changes, Commit commit);

}  // namespace storage
