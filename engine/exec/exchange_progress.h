// Progress that a task publishes with each commit for the readers of a time-ordered exchange. Layout:
// docs/formats/exchange.md
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace engine {

struct ExchangeProgress {
  // No later row has a merge time before this (engine/exec/running_times.h); -1: unknown.
  int64_t time_from = -1;
  // All rows made from records before these offsets are in the exchange; one offset for each input of the task.
  std::vector<Offset> next;
  bool operator==(const ExchangeProgress&) const = default;
};

// Encodes the value of a progress record.
std::string encode_progress(const ExchangeProgress& progress);
// Fails with CorruptRecord.
Result<ExchangeProgress> decode_progress(std::string_view bytes);

}  // namespace engine
