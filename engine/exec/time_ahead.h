// Limits how far a record's time may be ahead of the clock if it is to move stream time.
#pragma once
#include <cstdint>
#include <string_view>

#include "engine/functions/kernel.h"

namespace engine {

// The limit is a property of the query. Without it, records of one client whose clock is wrong
// could move stream time into the future, so that the records of all other clients would be late.
//
// Owner: the operators that track stream time; the context outlives it.
class TimeAhead {
 public:
  static constexpr std::string_view kProperty = "stream.time.max.ahead.ms";

  explicit TimeAhead(const EvalContext& eval);

  bool is_too_far(int64_t timestamp) const;
  int64_t limit_ms() const { return limit_ms_; }  // negative: no limit

 private:
  const EvalContext& eval_;
  const int64_t limit_ms_;
};

}  // namespace engine
