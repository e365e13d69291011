// Transactions and cursors that wrap those of LMDB, for the other source files in this folder.
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "storage/kv/kv.h"
#include "storage/kv/page_fault.h"
#include "storage/kv/recorded_changes.h"

namespace storage {

// Returns the error for an error number of LMDB or of the system. `doing` names the action that has
// failed, for the message.
Error lmdb_failure(int code, std::string_view doing);
// Returns the error for a process that opens a file only to read it. If the process has no
// permission to read the file, the error is InsufficientPrivilege, because the file itself may be
// intact.
Error lmdb_open_failure(int code, std::string_view doing);

// Commits the transaction and returns the result. The store supplies this function, because only
// the store knows whether it accepts further writes after a failure.
using Commit = std::function<Status(MDB_txn* ending)>;

// Keeps finished read transactions for reuse. LMDB allocates and clears 1.6 MB for a new read
// transaction, enough for the maximum number of tables; renewing one costs only as much as the
// existing tables. This matters, for example, at the start of a server, which reads the journals of
// ten thousand tasks one after the other.
//
// Threads: any. Owner: the store.
class IdleReads {
 public:
  ~IdleReads() { clear(); }
  // returns null if no transaction is kept: the caller must begin one
  MDB_txn* take();
  void give_back(MDB_txn* finished);  // the caller has called mdb_txn_reset()
  void clear();

 private:
  // each kept transaction occupies one of the file's reader slots
  static constexpr size_t kMost = 4;
  std::mutex mutex_;
  std::vector<MDB_txn*> reads_;  // guarded by mutex_
};

// A function that runs before each new snapshot; may be empty. The read transaction keeps a
// reference to it, so it must outlive the transaction.
using BeforeRead = std::function<Status()>;
std::unique_ptr<ReadTransaction> wrap_lmdb_read(MDB_txn* transaction, const MappedPages& mapped,
                                                IdleReads& idle, const BeforeRead& before);
// Wraps a write transaction, and adds its changes to `changes`, unless `changes` is null.
std::unique_ptr<WriteTransaction> wrap_lmdb_write(MDB_txn* transaction, const MappedPages& mapped,
                                                  RecordedChanges* changes, Commit commit);

}  // namespace storage
