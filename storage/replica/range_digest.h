// A digest of a range of a partition, for the comparison of two replicas: equal ranges have equal
// digests.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/ids.h"
#include "base/result.h"
#include "storage/log/log.h"
#include "storage/log/log_reader.h"

namespace storage {

struct RangeDigest {
  Offset from = {};     // start of the first batch
  Offset end = {};      // after the last batch; equal to `from` if there is none
  uint64_t digest = 0;  // digest of all bytes of the batches
  size_t size_bytes = 0;
  // The first batch whose bytes do not match its checksum.
  std::optional<Offset> damaged = {};
  // Ranges before this offset may be trimmed or compacted here and not on other replicas.
  Offset comparable_from = {};
};

// Digests the visible batches from the one that contains `from` on: up to `end`, or, without `end`,
// about `max_bytes`, which begin at the log start at the earliest. Only whole batches count. All of
// them are read in one turn, which takes too long for a loop. Fails with UnknownTopic, with
// OffsetOutOfRange if the range begins before the log start, and with NotEnoughReplicas if records
// before `end` are not visible here yet.
//
// Threads: the reader's.
Result<RangeDigest> digest_range(const Log& log, LogReader& reader, const TopicPartition& partition,
                                 Offset from, std::optional<Offset> end, size_t max_bytes);

}  // namespace storage
