// A write transaction that only the journal has.
#pragma once
#include <memory>

#include "storage/kv/journaled_commits.h"
#include "storage/kv/kv.h"

namespace storage {

// As DeferredWrites has them, of the commit with this number. `changes`: cleared first.
std::unique_ptr<WriteTransaction> make_deferred_write(uint64_t commit, JournaledCommits& commits,
                                                      RecordedChanges& changes);

}  // namespace storage
