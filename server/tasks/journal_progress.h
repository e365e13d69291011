// Where a node has come to in a journal with replicas, as it lies in its log (docs/formats/cluster.md).
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
  size_t snapshot_bytes = 0;  // of the last one that is whole
  LeaderEpoch unclean = {};   // began with an unclean election: the place is of the log since then
};

Status put_journal_progress(storage::WriteTransaction& transaction, PartitionId journal,
                            const JournalProgress& progress);
// Of all journals. Fails with DataCorrupted.
Result<std::map<PartitionId, JournalProgress>> read_journal_progress(
    storage::WriteTransaction& transaction);

}  // namespace server
