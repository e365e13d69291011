// Which leader epoch wrote which offsets of a partition: how a replica finds where its log and its
// leader's part (KIP-101, KIP-279).
#pragma once
#include "storage/kv/kv.h"
#include "storage/log/partition.h"
#include "storage/log/requests.h"
#include "storage/log/stored_keys.h"

namespace storage {

// Table `epochs`: the first offset of each epoch but 0, which wrote everything before the first of
// them; so a partition that never had replicas has no entries.
//
// Invariants: epochs and their first offsets ascend together; no entry begins behind the log end.

// The epoch begins at `start`, the log end. Epochs that begin there as well wrote nothing and go;
// nothing happens when it has begun already.
Status begin_epoch(WriteTransaction& transaction, const LogTables& tables, LogNumber partition,
                   LeaderEpoch epoch, Offset start);
Result<EpochStart> newest_epoch(Transaction& transaction, const LogTables& tables,
                                LogNumber partition);

// Of the last record before `log_end`; an epoch that has begun there has none yet.
Result<LeaderEpoch> last_written_epoch(Transaction& transaction, const LogTables& tables,
                                       LogNumber partition, Offset log_end);

// See EpochEnd. `leader_epoch` is that of the partition now, which may have written nothing yet.
Result<EpochEnd> end_of_epoch(Transaction& transaction, const LogTables& tables,
                              LogNumber partition, LeaderEpoch asked, LeaderEpoch leader_epoch,
                              Offset log_end);

// Before a follower appends a batch of `epoch`: newer ones that begin at `log_end` have written nothing, and never will.
Status cut_newer_epochs(WriteTransaction& transaction, const LogTables& tables, LogNumber partition,
                        LeaderEpoch epoch, Offset log_end);
// After a truncation: epochs that begin at `log_end` or behind it have written nothing that is left.
Status cut_epochs(WriteTransaction& transaction, const LogTables& tables, LogNumber partition,
                  Offset log_end);
// Of the epochs that ended before `log_start` the last one stays: what is asked about the others has
// the same answer.
Status forget_epochs_before(WriteTransaction& transaction, const LogTables& tables,
                            LogNumber partition, Offset log_start);

// The keys of the partition's entries: first <= key < end.
struct EpochKeys {
  std::string first, end;
};
EpochKeys epoch_keys(LogNumber partition);

}  // namespace storage
