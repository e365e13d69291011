// What compaction makes of a batch: the same without some of its records.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "records/batch.h"

namespace records {

// The batch has tombstones which compaction has come to: its base timestamp is the time from which on
// they may go (KIP-534).
inline constexpr uint16_t kDeleteHorizonBit = 64;
inline bool has_delete_horizon(const BatchHeader& header) {
  return (header.attributes & kDeleteHorizonBit) != 0;
}

// The batch with the records for which `keeps` is true, by their place in the batch; at least one. They
// have the offsets and timestamps that they had, and the batch its first and last offset and its producer's
// sequence, as Kafka's log cleaner leaves them. With a horizon the batch says it. `scratch` is overwritten.
Result<std::string> filter_batch(const BatchView& batch, const std::vector<bool>& keeps,
                                 std::optional<int64_t> delete_horizon_ms, std::string& scratch);

// The batch with none of its records: it says which offsets it had, and of which producer and sequence it was, as Kafka's log
// cleaner leaves the last one of a producer.
std::string emptied_batch(const BatchView& batch);

// As check_records() of a batch that compaction may have been over: its records' offsets grow, with gaps.
Status check_filtered_records(const BatchView& batch);

}  // namespace records
