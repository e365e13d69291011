// Limits how far a record's time may be ahead of the clock if it is to move stream time.
#pragma once
#include <cstdint>
#include <string_view>

#include "engine/functions/kernel.h"

namespace engine {

// Decides whether a record's time is too far ahead of the clock to move stream time. The limit is a
// property of the query. Without it, one client with a wrong clock could move stream time into the
// future, so that the records of all other clients would be late.
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
