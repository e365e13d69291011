// What a task tells the readers of a time-ordered exchange with each commit: how far it has come. Layout:
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
  // No row that is still to come goes before this time (engine/exec/running_times.h); -1: nothing is known.
  int64_t time_from = -1;
  // All that was made of the records before these is in the exchange; one for each input of the task.
  std::vector<Offset> next;
  bool operator==(const ExchangeProgress&) const = default;
};

// The value of a record.
std::string encode_progress(const ExchangeProgress& progress);
// Fails with CorruptRecord.
Result<ExchangeProgress> decode_progress(std::string_view bytes);

}  // namespace engine
