// Writes that a store makes durable immediately and applies to its tables later.
#pragma once
#include <memory>

#include "storage/kv/kv.h"

namespace storage {

// An additional interface of a store; the LMDB store with a journal has it. A small commit is
// durable when it is in the journal. Writing its pages immediately, too, would take about as long
// as the wait for the disk. With this interface the pages of many commits are written together, at
// the latest before the next read or write of the store, so readers see no difference.
//
// Threads: those of a write transaction. Owner: the store.
class DeferredWrites {
 public:
  virtual ~DeferredWrites() = default;
  // Begins a transaction that supports put() and append() into open tables, and get() from tables
  // without appends. Returns null if deferring is not possible now. If a call needs the store
  // itself, or if commit() cannot defer the changes, has_failed() returns true. Nothing has changed
  // in this case, and the caller repeats its work with begin_write(). The transaction must end
  // before another one begins.
  virtual std::unique_ptr<WriteTransaction> begin_deferred() = 0;
  // Returns whether durable changes can be applied only after the store has been opened again.
  virtual bool are_lost() const = 0;
};

}  // namespace storage
