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

// What one of LMDB's or the system's error numbers means to a user.
Error lmdb_failure(int code, std::string_view doing);
// Works like lmdb_failure(), for a file that a process opens to look at it: InsufficientPrivilege if it may not, since the file
// may be whole.
Error lmdb_open_failure(int code, std::string_view doing);

// Commits, and says what that has come to: the store knows how, and whether it can go on.
using Commit = std::function<Status(MDB_txn* ending)>;

// Read transactions that nobody uses now. To make one takes memory for as many tables as there may be
// (1.6 MB, cleared), to renew one costs what there is; and a start reads the journals of ten thousand
// tasks, one after the other.
//
// Threads: any. Owner: the store.
class IdleReads {
 public:
  ~IdleReads() { clear(); }
  MDB_txn* take();                    // null when there is none; to be renewed
  void give_back(MDB_txn* finished);  // which was reset
  void clear();

 private:
  static constexpr size_t kMost = 4;  // each keeps one of the file's places for readers
  std::mutex mutex_;
  std::vector<MDB_txn*> reads_;  // guarded by mutex_
};

// `before`: what is to be done before the snapshot is taken anew; empty: nothing. It stays its owner's.
using BeforeRead = std::function<Status()>;
std::unique_ptr<ReadTransaction> wrap_lmdb_read(MDB_txn* transaction, const MappedPages& mapped,
                                                IdleReads& idle, const BeforeRead& before);
// What is done is added to `changes`, unless that is null.
std::unique_ptr<WriteTransaction> wrap_lmdb_write(MDB_txn* transaction, const MappedPages& mapped,
                                                  RecordedChanges* changes, Commit commit);

}  // namespace storage
