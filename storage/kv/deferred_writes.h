// Writes that a store makes durable immediately, and applies later.
#pragma once
#include <memory>

#include "storage/kv/kv.h"

namespace storage {

// An additional interface of a store, which LMDB's store with a journal has. A small commit is
// durable when it is in the journal; writing its pages, too, takes about as long as the wait for
// the disk. With this interface the pages are written once for many commits, and at the latest
// before the next read or write of the store, so readers see no difference.
//
// Threads: as for write transactions. Owner: the store.
class DeferredWrites {
 public:
  virtual ~DeferredWrites() = default;
  // Begins a transaction that supports put() and append() into open tables, and get() from tables
  // without appends. Returns null if deferring is not possible now. has_failed() is true if a call
  // needs the store itself, or if commit() cannot defer the changes. Nothing has happened then, and
  // the caller uses begin_write(). The transaction ends before another begins.
  virtual std::unique_ptr<WriteTransaction> begin_deferred() = 0;
  // Returns whether durable changes cannot be applied before the store is opened again.
  virtual bool are_lost() const = 0;
};

}  // namespace storage
