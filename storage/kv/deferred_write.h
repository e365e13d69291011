// A write transaction whose commit writes only to the commit journal, and not to the data file.
#pragma once
#include <functional>
#include <memory>

#include "storage/kv/journaled_commits.h"
#include "storage/kv/kv.h"

namespace storage {

// Begins a snapshot of the data file, without the changes that only the journal contains so far.
using BeginSnapshot = std::function<Result<std::unique_ptr<ReadTransaction>>()>;

// Returns the transaction for DeferredWrites::begin_deferred(), which has the commit number
// `commit`. Clears `changes` first, and then records the transaction's changes there.
std::unique_ptr<WriteTransaction> make_deferred_write(uint64_t commit, JournaledCommits& commits,
                                                      RecordedChanges& changes,
                                                      const BeginSnapshot& begin_snapshot);

}  // namespace storage
