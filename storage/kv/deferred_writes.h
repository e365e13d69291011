// Writes that a store makes durable at once, and applies later.
#pragma once
#include <memory>

#include "storage/kv/kv.h"

namespace storage {

// An additional interface of a store (LMDB's with a journal has it). A small commit is durable when
// it is in the journal; writing its pages, too, takes as long as the disk does. With this interface
// the pages are written once for many commits, and at the latest before the next read or write of
// the store, so readers see no difference.
//
// Threads: as for write transactions. Owner: the store.
class DeferredWrites {
 public:
  virtual ~DeferredWrites() = default;
  // Begins a transaction that supports put() and append() into open tables, and get() from tables
  // without appends. Returns null if deferring is not possible now. has_failed() is true if a call
  // needs the store itself, or if commit() finds no room: then nothing has happened, and the caller
  // uses begin_write(). The transaction ends before another begins.
  virtual std::unique_ptr<WriteTransaction> begin_deferred() = 0;
  // Whether durable changes cannot be applied before the store is opened again.
  virtual bool are_lost() const = 0;
};

}  // namespace storage
