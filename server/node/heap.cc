#include "server/node/heap.h"

#ifdef MILLRACE_JEMALLOC
#include <jemalloc/jemalloc.h>
#include <sys/types.h>

#include "base/log.h"
#endif

namespace server {

#ifdef MILLRACE_JEMALLOC

namespace {

template <class T>
void set(const char* name, T value) {
  if (const int error = mallctl(name, nullptr, nullptr, &value, sizeof value); error != 0)
    log_warn("the allocator does not take its setting name={} error={}", name, error);
}

}  // namespace

void tune_heap() {
  // What comes and goes within a second is kept; a dropped table's gigabyte is not. The loops, which
  // free it, do not pay for giving it back.
  constexpr ssize_t kKeptMs = 1'000;
  set("arenas.dirty_decay_ms", kKeptMs);
  set("arenas.muzzy_decay_ms", ssize_t{0});
  set("arena.0.dirty_decay_ms", kKeptMs);  // the one that is there already
  set("arena.0.muzzy_decay_ms", ssize_t{0});
  set("background_thread", true);
}

#else

void tune_heap() {}

#endif

}  // namespace server
