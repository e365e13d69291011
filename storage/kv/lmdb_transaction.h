// Transactions and cursors over LMDB's, for lmdb_store.cc.
#pragma once
#include <functional>
#include <memory>

#include "storage/kv/kv.h"

struct MDB_txn;

namespace storage {

// What one of LMDB's or the system's error numbers means to a user.
Error lmdb_failure(int code, std::string_view doing);

// What a commit that failed with `code` has come to: the store knows whether it can go on.
using AfterFailedCommit = std::function<Error(int code)>;

std::unique_ptr<ReadTransaction> wrap_lmdb_read(MDB_txn* transaction);
std::unique_ptr<WriteTransaction> wrap_lmdb_write(MDB_txn* transaction,
                                                  AfterFailedCommit after_failed_commit);

}  // namespace storage
