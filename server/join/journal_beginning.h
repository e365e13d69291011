// Creates the replicated journals of a cluster whose queries have committed before the cluster
// existed.
#pragma once
#include <span>
#include <vector>

#include "server/metadata/image.h"
#include "storage/log/log.h"
#include "storage/replica/journal_snapshot.h"
#include "storage/state/state_store.h"

namespace server {

// Journals begin here and not at 0: a node without them starts from the snapshot at this offset.
inline constexpr Offset kJournalStart{1};
// The place that the first node has reached in each journal.
inline constexpr storage::JournalPlace kPlaceOfStart{kJournalStart, LeaderEpoch{0}, kJournalStart};

// Creates the partitions of all journals. The partitions of `queries` lose their contents and begin
// at kJournalStart; the others are unchanged. Blocks the calling thread. The partitions have no
// topic yet, so a server that is started alone removes them again.
Status make_journals(storage::Log& log, std::span<const DefinedQueryPtr> queries);

// Writes the state of each query into its journal, as a snapshot (docs/adr/0081), including the
// commits that its tasks are about to get. `queries` have the definitions of the cluster
// (queries_of_cluster()). Blocks the calling thread.
Status write_journals(storage::Log& log, storage::StateStore& state,
                      std::span<const DefinedQueryPtr> queries,
                      std::span<const storage::TaskCommit> commits);

}  // namespace server
