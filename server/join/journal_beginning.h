// The journals with replicas of a cluster whose queries have committed before it was one.
#pragma once
#include <span>
#include <vector>

#include "server/metadata/image.h"
#include "storage/log/log.h"
#include "storage/replica/journal_snapshot.h"
#include "storage/state/state_store.h"

namespace server {

// They begin here, and not at 0: a node that has nothing of them begins from the snapshot that lies there.
inline constexpr Offset kJournalStart{1};
// Where the first node has come to.
inline constexpr storage::JournalPlace kPlaceOfStart{kJournalStart, LeaderEpoch{0}, kJournalStart};

// The partitions of all of them, those of `queries` empty from kJournalStart on, whatever they had; of the others nothing is
// changed. Waits. Without a topic of theirs a server that is started alone removes them again.
Status make_journals(storage::Log& log, std::span<const DefinedQueryPtr> queries);

// Writes into each of these what its queries keep, as a snapshot (docs/adr/0081), with the commits that their tasks are about to
// get. `queries` as the cluster knows them. Waits.
Status write_journals(storage::Log& log, storage::StateStore& state,
                      std::span<const DefinedQueryPtr> queries,
                      std::span<const storage::TaskCommit> commits);

}  // namespace server
