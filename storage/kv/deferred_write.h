// A write transaction that only the journal has.
#pragma once
#include <functional>
#include <memory>

#include "storage/kv/journaled_commits.h"
#include "storage/kv/kv.h"

namespace storage {

// What the store has by now, without what is pending.
using BeginSnapshot = std::function<Result<std::unique_ptr<ReadTransaction>>()>;

// As DeferredWrites has them, of the commit with this number. `changes`: cleared first.
std::unique_ptr<WriteTransaction> make_deferred_write(uint64_t commit, JournaledCommits& commits,
                                                      RecordedChanges& changes,
                                                      const BeginSnapshot& begin_snapshot);

}  // namespace storage
