// The state of a materialized view that is recomputed.
#pragma once
#include <cstdint>
#include <optional>

#include "base/result.h"

namespace engine {

struct ViewState {
  uint64_t runs = 0;                             // number of runs since the task was made
  std::optional<int64_t> running_since_us = {};  // monotonic; null: no run is in progress
  int64_t due_at_us = 0;       // monotonic; the view rests until then, unless a reader waits
  int64_t last_run_us = 0;     // duration of the last run
  int64_t last_run_at_ms = 0;  // end of the last run, by the wall clock
  uint64_t input_rows = 0;     // rows of all inputs in the last run
  uint64_t changed_rows = 0;   // rows that the last run has written or deleted
  // error of the last run; while it is set, reads of the view fail with it
  std::optional<Error> error = {};
};

}  // namespace engine
