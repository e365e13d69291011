// What is undecided in a partition, and what was aborted: of transactions, as Kafka's producers make them
// (KIP-98).
#pragma once
#include <optional>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "records/control_batch.h"
#include "storage/kv/kv.h"
#include "storage/log/partition.h"
#include "storage/log/stored_keys.h"

namespace storage {

// Two tables, whose keys begin with the log number:
//
//   transactions  first offset -> producer i64, offset of the marker i64 (-1: it is open)
//   aborted       offset of the marker -> producer i64, first offset i64, first undecided offset behind it i64
//
// A transaction that has ended stays in the first until its marker is visible: truncation may take the
// marker away again. At or behind the first undecided offset nothing is given to those who read what is
// committed only.

struct OpenTransaction {
  ProducerId producer;
  Offset first_offset;
};
struct AbortedTransaction {
  ProducerId producer;
  Offset first_offset, marker;  // its batches lie between the two
  bool operator==(const AbortedTransaction&) const = default;
};

// Tells of each batch whether it was aborted.
class AbortedBatches {
 public:
  // Of the range that the batches lie in, as aborted_between() gives them.
  explicit AbortedBatches(std::vector<AbortedTransaction> transactions);
  bool contains(const records::BatchHeader& batch) const;

 private:
  absl::flat_hash_map<ProducerId, std::vector<AbortedTransaction>> by_producer_;  // in order
};

Status begin_transaction(WriteTransaction& transaction, const LogTables& tables,
                         LogNumber partition, const OpenTransaction& open);
// `high_watermark`: of the partition; INT64_MAX where what is durable is visible.
Status end_transaction(WriteTransaction& transaction, const LogTables& tables, LogNumber partition,
                       const OpenTransaction& open, Offset marker, records::TransactionEnd end,
                       Offset high_watermark);
// Nothing: all transactions are decided.
Result<std::optional<Offset>> first_undecided(Transaction& transaction, const LogTables& tables,
                                              LogNumber partition, Offset high_watermark);
// Those that have batches between the offsets, in the order of their markers.
Result<std::vector<AbortedTransaction>> aborted_between(Transaction& transaction,
                                                        const LogTables& tables,
                                                        LogNumber partition, Offset from,
                                                        Offset end);

// The partitions that have entries in either table.
Result<std::vector<LogNumber>> partitions_with_transactions(Transaction& transaction,
                                                            const LogTables& tables);

// After a truncation: what began at `log_end` or behind it was never there, and what ended there is open
// again. Answers who has an open transaction now and who has not.
struct CutTransaction {
  ProducerId producer;
  std::optional<Offset> first_offset;
};
Result<std::vector<CutTransaction>> cut_transactions(WriteTransaction& transaction,
                                                     const LogTables& tables, LogNumber partition,
                                                     Offset log_end);
// What was aborted before the log start is asked for no more.
Status forget_aborted_before(WriteTransaction& transaction, const LogTables& tables,
                             LogNumber partition, Offset log_start);

}  // namespace storage
