// The producer states of a partition as a whole, for a replica that begins after records of these
// producers.
#pragma once
#include <string>
#include <string_view>

#include "storage/kv/kv.h"
#include "storage/log/partition.h"
#include "storage/log/stored_keys.h"

namespace storage {

// Encodes the producer states as of the high watermark: a replica that installs them must not take
// later records for written, since these records may be lost with the leader.
//
//   version u8 = 1, then for each: producer id i64, size of its state u16, ProducerState
Result<std::string> producer_snapshot(Transaction& transaction, const LogTables& tables,
                                      const Partition& partition, Offset high_watermark);
// Replaces the producer states of a log that continues from `start`. The snapshot may be newer than
// `start`: a transaction that begins at or after `start` follows from the batches, and so do
// earlier transactions of the same producer. Fails with CorruptRecord and then has written nothing.
Status install_producers(WriteTransaction& transaction, const LogTables& tables,
                         LogNumber partition, Offset start, std::string_view snapshot);

}  // namespace storage
