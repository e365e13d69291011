// Stores which leader epoch has written each range of offsets of a partition. A replica uses this
// history to find where its log and its leader's log diverge (KIP-101, KIP-279).
#pragma once
#include "storage/kv/kv.h"
#include "storage/log/partition.h"
#include "storage/log/requests.h"
#include "storage/log/stored_keys.h"

namespace storage {

// Table `epochs`: the first offset of each epoch except epoch 0, which wrote everything before the
// first entry. A partition that never had replicas has no entries.
//
// Invariants: epochs and their first offsets ascend together; no entry begins after the log end.

// Records that the epoch begins at `start`, the log end. Erases other epochs that begin at the same
// offset, because they have no records. Does nothing if the epoch is already recorded.
Status begin_epoch(WriteTransaction& transaction, const LogTables& tables, LogNumber partition,
                   LeaderEpoch epoch, Offset start);
Result<EpochStart> newest_epoch(Transaction& transaction, const LogTables& tables,
                                LogNumber partition);

// Returns the epoch of the last record before `log_end`. An epoch that begins there has no records
// yet.
Result<LeaderEpoch> last_written_epoch(Transaction& transaction, const LogTables& tables,
                                       LogNumber partition, Offset log_end);

// Returns the end of the epoch `asked`, as described for EpochEnd. `leader_epoch` is the current
// epoch of the partition; it may have no records yet.
Result<EpochEnd> end_of_epoch(Transaction& transaction, const LogTables& tables,
                              LogNumber partition, LeaderEpoch asked, LeaderEpoch leader_epoch,
                              Offset log_end);

// Erases epochs newer than `epoch` that start at `log_end`. They have no records and will never get
// any. Called before a follower appends a batch of `epoch`.
Status cut_newer_epochs(WriteTransaction& transaction, const LogTables& tables, LogNumber partition,
                        LeaderEpoch epoch, Offset log_end);
// Erases the epochs that begin at `log_end` or later. Called after a truncation to `log_end`, which
// has removed all of their records.
Status cut_epochs(WriteTransaction& transaction, const LogTables& tables, LogNumber partition,
                  Offset log_end);
// Erases each epoch that ended at or before `log_start`; the newest epoch is always kept. A later
// request for an erased epoch gets the start of the oldest kept epoch as its end.
Status forget_epochs_before(WriteTransaction& transaction, const LogTables& tables,
                            LogNumber partition, Offset log_start);

// Range of the keys of a partition's entries: first <= key < end.
struct EpochKeys {
  std::string first, end;
};
EpochKeys epoch_keys(LogNumber partition);

}  // namespace storage
