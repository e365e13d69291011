// Control batches: the marks of a transaction's end in the partitions that it wrote to (KIP-98;
// "Control Batches" in the documentation of Kafka's protocol).
#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "records/batch.h"

namespace records {

enum class TransactionEnd : uint8_t { Abort = 0, Commit = 1 };

struct TransactionMarker {
  TransactionEnd end = TransactionEnd::Abort;
  int32_t coordinator_epoch = 0;  // of the coordinator that decided
};

// Returns a batch of one record, which ends the producer's transaction in the partition that it is
// appended to.
std::string marker_batch(ProducerId producer, int16_t producer_epoch,
                         const TransactionMarker& marker, int64_t timestamp_ms);
// Parses a control batch. Fails with CorruptRecord if it does not end a transaction.
Result<TransactionMarker> parse_marker(const BatchView& batch);

// Makes a parsed batch part of its producer's transaction.
void set_transactional(std::span<char> batch);

}  // namespace records
