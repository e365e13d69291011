// The progress that a task writes with each commit, for the readers of a time-ordered exchange.
// Layout: docs/formats/exchange.md
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace engine {

struct ExchangeProgress {
  // No later row of the task has a merge time (engine/exec/running_times.h) below this one; -1:
  // unknown.
  int64_t time_from = -1;
  // For each input of the task, an offset. All rows that the task makes from records before this
  // offset are in the exchange.
  std::vector<Offset> next;
  bool operator==(const ExchangeProgress&) const = default;
};

// Encodes the value of a progress record.
std::string encode_progress(const ExchangeProgress& progress);
// Decodes the value of a progress record. Fails with CorruptRecord if the value is damaged.
Result<ExchangeProgress> decode_progress(std::string_view bytes);

}  // namespace engine
