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

// The journals begin at this offset instead of 0. A node without a copy of the journal expects
// offset 0, so it detects that earlier records are missing, and restores itself from the snapshot
// in the journal.
inline constexpr Offset kJournalStart{1};
// The first node's position in each journal after the join: at the beginning.
inline constexpr storage::JournalPlace kPlaceOfStart{kJournalStart, LeaderEpoch{0}, kJournalStart};

// Creates the partitions of all journals. A partition that is the journal of one of `queries` is
// emptied and begins at kJournalStart; the other partitions are unchanged. Blocks the calling
// thread. The topic of the partitions is not defined yet, so if the server is started alone, it
// removes them again.
Status make_journals(storage::Log& log, std::span<const DefinedQueryPtr> queries);

// Writes the state of each query into its journal, as a snapshot (docs/adr/0081). The snapshot
// includes `commits`, which are not in the log yet: the caller applies them after this call.
// `queries` have the definitions of the cluster (queries_of_cluster()). Blocks the calling thread.
Status write_journals(storage::Log& log, storage::StateStore& state,
                      std::span<const DefinedQueryPtr> queries,
                      std::span<const storage::TaskCommit> commits);

}  // namespace server
