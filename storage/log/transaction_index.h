// An index of the undecided and the aborted transactions of a partition (KIP-98).
#pragma once
#include <optional>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "records/control_batch.h"
#include "storage/kv/kv.h"
#include "storage/log/partition.h"
#include "storage/log/stored_keys.h"

namespace storage {

// The index has two tables, whose keys begin with the log number of the partition. A transaction is undecided until its
// marker (the record that commits or aborts it) is visible:
//
//   transactions  first offset -> producer i64, offset of the marker i64 (-1: it is open)
//   aborted       offset of the marker -> producer i64, first offset i64, first undecided offset after it i64
//
// A transaction that has ended stays in the first table until its marker is visible, because a
// truncation may still remove the marker. Readers of committed records get no record at or after
// the first undecided offset.

struct OpenTransaction {
  ProducerId producer;
  Offset first_offset;
};
struct AbortedTransaction {
  ProducerId producer;
  Offset first_offset, marker;  // the transaction's batches lie between the two
  bool operator==(const AbortedTransaction&) const = default;
};

// Decides for each batch whether it belongs to an aborted transaction.
class AbortedBatches {
 public:
  // `transactions` is the result of aborted_between() for the range of the batches.
  explicit AbortedBatches(std::vector<AbortedTransaction> transactions);
  bool contains(const records::BatchHeader& batch) const;

 private:
  // in the order of their offsets
  absl::flat_hash_map<ProducerId, std::vector<AbortedTransaction>> by_producer_;
};

Status begin_transaction(WriteTransaction& transaction, const LogTables& tables,
                         LogNumber partition, const OpenTransaction& open);
// Ends a transaction with the marker at offset `marker`. `high_watermark` is the partition's, or
// INT64_MAX if everything durable is visible.
Status end_transaction(WriteTransaction& transaction, const LogTables& tables, LogNumber partition,
                       const OpenTransaction& open, Offset marker, records::TransactionEnd end,
                       Offset high_watermark);
// Returns the first offset of the first undecided transaction; nothing if all are decided.
Result<std::optional<Offset>> first_undecided(Transaction& transaction, const LogTables& tables,
                                              LogNumber partition, Offset high_watermark);
// Returns the aborted transactions that have batches between the offsets, in the order of their
// markers.
Result<std::vector<AbortedTransaction>> aborted_between(Transaction& transaction,
                                                        const LogTables& tables,
                                                        LogNumber partition, Offset from,
                                                        Offset end);

// Returns the partitions that have entries in one of the two tables.
Result<std::vector<LogNumber>> partitions_with_transactions(Transaction& transaction,
                                                            const LogTables& tables);

// A transaction that a truncation has changed. `first_offset` is set if the producer has an open transaction now.
struct CutTransaction {
  ProducerId producer;
  std::optional<Offset> first_offset;
};
// Updates the tables after a truncation to `log_end`: removes transactions that began at or after
// `log_end`, and reopens the transactions whose markers were truncated. Returns the
// changed transactions.
Result<std::vector<CutTransaction>> cut_transactions(WriteTransaction& transaction,
                                                     const LogTables& tables, LogNumber partition,
                                                     Offset log_end);
// Removes transactions that were aborted before the log start: no reader asks for them.
Status forget_aborted_before(WriteTransaction& transaction, const LogTables& tables,
                             LogNumber partition, Offset log_start);

}  // namespace storage
