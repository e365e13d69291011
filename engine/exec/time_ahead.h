// How far ahead of the clock a record may lie and still move stream time.
#pragma once
#include <cstdint>
#include <string_view>

#include "engine/functions/kernel.h"

namespace engine {

// Of the query's property. A client with a broken clock would make all other records late.
//
// Owner: the operators that look at stream time; the context outlives it.
class TimeAhead {
 public:
  static constexpr std::string_view kProperty = "stream.time.max.ahead.ms";

  explicit TimeAhead(const EvalContext& eval);

  bool is_too_far(int64_t timestamp) const;
  int64_t limit_ms() const { return limit_ms_; }  // negative: there is none

 private:
  const EvalContext& eval_;
  const int64_t limit_ms_;
};

}  // namespace engine
