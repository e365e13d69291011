// How far this node has applied a replicated journal. The value is stored in the node's log in the same commit as the
// applied entries (docs/formats/cluster.md), so a restart applies no entry twice.
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
  size_t snapshot_bytes = 0;  // size of the last complete snapshot
  LeaderEpoch unclean = {};   // epoch that began with the last unclean election before `place`
};

Status put_journal_progress(storage::WriteTransaction& transaction, PartitionId journal,
                            const JournalProgress& progress);
// Reads the progress of all journals. Fails with DataCorrupted.
Result<std::map<PartitionId, JournalProgress>> read_journal_progress(
    storage::WriteTransaction& transaction);

}  // namespace server
