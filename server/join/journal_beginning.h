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

// The journals begin at this offset and not at 0. A node without them then finds that records
// before their start are missing, and starts from the snapshot there.
inline constexpr Offset kJournalStart{1};
// The first node's position in each journal after the join: at the beginning.
inline constexpr storage::JournalPlace kPlaceOfStart{kJournalStart, LeaderEpoch{0}, kJournalStart};

// Creates the partitions of all journals. The partitions for `queries` lose their contents and
// begin at kJournalStart; the others are unchanged. Blocks the calling thread. The partitions have
// no topic yet, so if the server is started alone, it removes them again.
Status make_journals(storage::Log& log, std::span<const DefinedQueryPtr> queries);

// Writes the state of each query into its journal, as a snapshot (docs/adr/0081). The state
// includes `commits`, which its tasks are about to get. `queries` have the definitions of the
// cluster (queries_of_cluster()). Blocks the calling thread.
Status write_journals(storage::Log& log, storage::StateStore& state,
                      std::span<const DefinedQueryPtr> queries,
                      std::span<const storage::TaskCommit> commits);

}  // namespace server
