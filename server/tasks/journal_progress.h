// A node's position in a replicated journal, as kept in its log (docs/formats/cluster.md).
#pragma once
#include <cstddef>
#include <map>

#include "base/ids.h"
#include "base/result.h"
#include "storage/kv/kv.h"
#include "storage/replica/journal_snapshot.h"

namespace server {

struct JournalProgress {
  storage::JournalPlace place = {};
  size_t snapshot_bytes = 0;  // of the last complete snapshot
  LeaderEpoch unclean = {};   // started by an unclean election: the place is in the log after it
};

Status put_journal_progress(storage::WriteTransaction& transaction, PartitionId journal,
                            const JournalProgress& progress);
// Reads the progress of all journals. Fails with DataCorrupted.
Result<std::map<PartitionId, JournalProgress>> read_journal_progress(
    storage::WriteTransaction& transaction);

}  // namespace server
