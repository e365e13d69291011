// Limit for the distance between the clock and a record that moves stream time.
#pragma once
#include <cstdint>
#include <string_view>

#include "engine/functions/kernel.h"

namespace engine {

// The limit is a property of the query. Without a limit, a client with a broken clock would make
// the records of all other clients late.
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
