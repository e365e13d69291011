// The input file of Apache Kafka's tool for deleting records.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace client {

struct RecordsToDelete {
  std::string topic;
  int32_t partition = 0;
  int64_t before_offset = 0;  // first offset to keep; -1: none
  bool operator==(const RecordsToDelete&) const = default;
};

// Parses {"partitions": [{"topic": "orders", "partition": 1, "offset": 10}], "version": 1}. Fails
// with InvalidParameter for other texts, and for a partition that occurs twice. If Kafka's tool has
// a message for the error, the message is the same.
Result<std::vector<RecordsToDelete>> parse_records_to_delete(std::string_view text);

}  // namespace client
