// Writes that a store makes durable at once, and carries out later.
#pragma once
#include <memory>

#include "storage/kv/kv.h"

namespace storage {

// What a store may be besides (LMDB's with a journal is). A small commit is durable when it is in the journal; to write its
// pages as well takes as long as the disk does. Here the pages are written once for many commits, and at the latest when
// somebody begins to read or to write: nobody sees a difference.
//
// Threads: as for write transactions. Owner: the store.
class DeferredWrites {
 public:
  virtual ~DeferredWrites() = default;
  // A transaction for put() and append() into tables that are open, and get() from those that nothing is appended to. Null
  // where it cannot be now, and has_failed() where it has come to something that needs the store itself, or its commit()
  // finds no room: then nothing has happened, and begin_write() is the way. It ends before anything else is begun.
  virtual std::unique_ptr<WriteTransaction> begin_deferred() = 0;
  // What is durable cannot be carried out before the store is opened again.
  virtual bool are_lost() const = 0;
};

}  // namespace storage
