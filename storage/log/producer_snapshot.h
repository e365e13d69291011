// Encodes and installs all producer states of a partition. They are for a replica whose log begins
// after the first records of these producers, so that it cannot derive the states from its records.
#pragma once
#include <string>
#include <string_view>

#include "storage/kv/kv.h"
#include "storage/log/partition.h"
#include "storage/log/stored_keys.h"

namespace storage {

// Encodes the producer states as of the high watermark. Records after the high watermark may be
// lost with the leader, and their producers then send them again. The states must not contain these
// records, or the replica would refuse them as duplicates.
//
//   version u8 = 1, then for each: producer id i64, size of its state u16, ProducerState
Result<std::string> producer_snapshot(Transaction& transaction, const LogTables& tables,
                                      const Partition& partition, Offset high_watermark);
// Replaces the producer states of a log that continues from `start`. The snapshot may be newer than
// `start`. A transaction that begins at or after `start` is not installed, because the replica will
// still append that transaction's batches. Fails with CorruptRecord and then has written nothing.
Status install_producers(WriteTransaction& transaction, const LogTables& tables,
                         LogNumber partition, Offset start, std::string_view snapshot);

}  // namespace storage
