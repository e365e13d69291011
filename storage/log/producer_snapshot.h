// What a partition remembers about its producers, as a whole: for a replica that begins behind what
// they have written.
#pragma once
#include <string>
#include <string_view>

#include "storage/kv/kv.h"
#include "storage/log/partition.h"
#include "storage/log/stored_keys.h"

namespace storage {

// As of the high watermark: who has that must not take for written what lies behind it, and may be lost with its leader.
//
//   version u8 = 1, then for each: producer id i64, size of its state u16, ProducerState
Result<std::string> producer_snapshot(Transaction& transaction, const LogTables& tables,
                                      const Partition& partition, Offset high_watermark);
// Takes the place of what was remembered, for a log that goes on from `start`. The snapshot is newer: a transaction that
// begins at or behind `start` follows from the batches, as do those of the same producer before it. Fails with
// CorruptRecord, and has written nothing then.
Status install_producers(WriteTransaction& transaction, const LogTables& tables,
                         LogNumber partition, Offset start, std::string_view snapshot);

}  // namespace storage
