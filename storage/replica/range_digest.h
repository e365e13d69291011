// Computes a digest of a range of a partition, to compare two replicas: equal ranges have equal
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
  Offset from = {};     // base offset of the first batch
  Offset end = {};      // offset after the last batch; equal to `from` if the range has no batch
  uint64_t digest = 0;  // digest of all bytes of the batches
  size_t size_bytes = 0;
  // Base offset of the first batch whose bytes do not match its checksum; nothing if all match.
  std::optional<Offset> damaged = {};
  // Only batches from this offset on can be compared. Earlier batches may be trimmed or compacted
  // on this replica and not on others.
  Offset comparable_from = {};
};

// Computes the digest of the visible batches from the one that contains `from` on. With `end`, the
// range ends there. Without `end`, it begins at the log start at the earliest and ends after about
// `max_bytes`. Only whole batches are included. All batches are read from one snapshot without a
// pause, which takes too long for a loop. Fails with UnknownTopic, with OffsetOutOfRange if the
// range begins before the log start, and with NotEnoughReplicas if records before `end` are not
// visible here yet.
//
// Threads: the reader's.
Result<RangeDigest> digest_range(const Log& log, LogReader& reader, const TopicPartition& partition,
                                 Offset from, std::optional<Offset> end, size_t max_bytes);

}  // namespace storage
