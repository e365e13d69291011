// Control batches mark the end of a transaction in each partition that the transaction wrote to
// (KIP-98; "Control Batches" in the documentation of Kafka's protocol).
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
  int32_t coordinator_epoch = 0;  // epoch of the coordinator that ended the transaction
};

// Returns a batch of one record that ends the producer's transaction in the partition to which the
// batch is appended.
std::string marker_batch(ProducerId producer, int16_t producer_epoch,
                         const TransactionMarker& marker, int64_t timestamp_ms);
// Parses a control batch. Fails with CorruptRecord if it does not end a transaction.
Result<TransactionMarker> parse_marker(const BatchView& batch);

// Makes a parsed batch part of its producer's transaction.
void set_transactional(std::span<char> batch);

}  // namespace records
