// Removes records from a batch, for compaction.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "records/batch.h"

namespace records {

// The attribute bit of a batch in which compaction has found tombstones. The base timestamp of this
// batch is the time after which the tombstones may be removed (KIP-534).
inline constexpr uint16_t kDeleteHorizonBit = 64;
inline bool has_delete_horizon(const BatchHeader& header) {
  return (header.attributes & kDeleteHorizonBit) != 0;
}

// Returns the batch with only those records whose element in `keeps` is true; at least one is. The
// records keep their offsets and timestamps, and the batch keeps its first and last offset and its
// producer's sequence, as after Kafka's log cleaner. A delete horizon is stored in the batch.
// `scratch` is overwritten.
Result<std::string> filter_batch(const BatchView& batch, const std::vector<bool>& keeps,
                                 std::optional<int64_t> delete_horizon_ms, std::string& scratch);

// Returns the batch without its records. It keeps its offsets, producer and sequence, as Kafka's
// log cleaner leaves the last batch of a producer.
std::string emptied_batch(const BatchView& batch);

// Checks a batch that may have been compacted. The offsets of its records ascend, and may have
// gaps.
Status check_filtered_records(const BatchView& batch);

}  // namespace records
