#include "server/node/heap.h"

#ifdef MILLRACE_JEMALLOC
#include <jemalloc/jemalloc.h>

#include "base/log.h"

// The allocator reads this before main(). What comes and goes within a second is kept; a dropped
// table's gigabyte is not. Nor does a column of more than 8 MB go back at once, as it would: a record
// that becomes a million took two million page faults.
const char* malloc_conf = "oversize_threshold:0,dirty_decay_ms:1000,muzzy_decay_ms:0";
#endif

namespace server {

void tune_heap() {
#ifdef MILLRACE_JEMALLOC
  // The loops, which free memory, do not pay for giving it back.
  bool is_on = true;
  if (const int error = mallctl("background_thread", nullptr, nullptr, &is_on, sizeof is_on))
    log_warn("the allocator has no thread of its own error={}", error);
#endif
}

}  // namespace server
