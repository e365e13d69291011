#include "server/node/heap.h"

#ifdef MILLRACE_JEMALLOC
#include <jemalloc/jemalloc.h>

#include "base/log.h"

// jemalloc reads this before main(). Memory that is freed and reused within a second is kept; the
// memory of a dropped table is returned. jemalloc's default returns a freed allocation of more than
// 8 MB, such as a long column, immediately. With this default, one record that was expanded to a
// million rows caused two million page faults.
const char* malloc_conf = "oversize_threshold:0,dirty_decay_ms:1000,muzzy_decay_ms:0";
#endif

namespace server {

void tune_heap() {
#ifdef MILLRACE_JEMALLOC
  // A background thread returns the memory, so that loops do not spend time on it when they free memory.
  bool is_on = true;
  if (const int error = mallctl("background_thread", nullptr, nullptr, &is_on, sizeof is_on))
    log_warn("the allocator has no background thread error={}", error);
#endif
}

}  // namespace server
