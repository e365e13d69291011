// Writes that a store makes durable immediately and applies to its tables later.
#pragma once
#include <memory>

#include "storage/kv/kv.h"

namespace storage {

// An additional interface of a store, which the LMDB store with a commit journal implements. A
// small commit is durable when it is in the journal. Writing the changed pages of the data file at
// once would take about as long again as the wait for the disk. With this interface, the pages of
// many commits are written together, at the latest before the next read or write of the store, so
// readers see no difference.
//
// Threads: those of a write transaction. Owner: the store.
class DeferredWrites {
 public:
  virtual ~DeferredWrites() = default;
  // Begins a transaction that supports put() and append() into open tables, and get() from tables
  // without appends. Returns null if deferring is not possible now. If a call cannot be executed
  // without the store, or if commit() cannot defer the changes, has_failed() returns true. The
  // transaction has then changed nothing, and the caller repeats its work with begin_write(). The
  // transaction must end before another one begins.
  virtual std::unique_ptr<WriteTransaction> begin_deferred() = 0;
  // Returns true if durable changes could not be applied to the data file. They are applied when
  // the store is opened again.
  virtual bool are_lost() const = 0;
};

}  // namespace storage
