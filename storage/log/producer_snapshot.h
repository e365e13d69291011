// What a partition remembers about its producers, as a whole: for a replica that begins behind what
// they have written.
#pragma once
#include <string>
#include <string_view>

#include "storage/kv/kv.h"
#include "storage/log/partition.h"
#include "storage/log/stored_keys.h"

namespace storage {

//   version u8 = 1, then for each: producer id i64, size of its state u16, ProducerState
Result<std::string> producer_snapshot(Transaction& transaction, const LogTables& tables,
                                      LogNumber partition);
// Takes the place of what was remembered. Fails with CorruptRecord, and has written nothing then.
Status install_producers(WriteTransaction& transaction, const LogTables& tables,
                         LogNumber partition, std::string_view snapshot);

}  // namespace storage
