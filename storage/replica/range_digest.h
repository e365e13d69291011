// What a replica has of a range of a partition, in a few bytes: equal where two replicas have the same.
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
  Offset from = {};     // where its first batch begins
  Offset end = {};      // behind its last batch; where it begins when there is none
  uint64_t digest = 0;  // of all bytes of its batches
  size_t size_bytes = 0;
  // A batch whose bytes are not what its own checksum says.
  std::optional<Offset> damaged = {};
  // What lies before may be gone, or have been compacted, here and not elsewhere.
  Offset comparable_from = {};
};

// Of whole batches from the one with `from` on that are visible here: up to `end`; or, from the log start at the earliest,
// for about `max_bytes`. Reads and adds up all of them within a turn, so not on a loop. Fails with UnknownTopic, with
// OffsetOutOfRange where it begins before the log start, and with NotEnoughReplicas where what lies before `end` is not
// visible here yet.
//
// Threads: the reader's.
Result<RangeDigest> digest_range(const Log& log, LogReader& reader, const TopicPartition& partition,
                                 Offset from, std::optional<Offset> end, size_t max_bytes);

}  // namespace storage
