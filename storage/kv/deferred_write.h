// A write transaction whose commit writes only to the journal.
#pragma once
#include <functional>
#include <memory>

#include "storage/kv/journaled_commits.h"
#include "storage/kv/kv.h"

namespace storage {

// Begins a snapshot of the store as it is without the pending changes.
using BeginSnapshot = std::function<Result<std::unique_ptr<ReadTransaction>>()>;

// Returns a transaction for DeferredWrites::begin_deferred(). `commit` is the number of its commit.
// Clears `changes` first.
std::unique_ptr<WriteTransaction> make_deferred_write(uint64_t commit, JournaledCommits& commits,
                                                      RecordedChanges& changes,
                                                      const BeginSnapshot& begin_snapshot);

}  // namespace storage
