#include "server/node/heap.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace server {

namespace {

constexpr size_t kMb = 1 << 20;

// What the process holds that no file stands behind.
size_t anonymous_bytes() {
  std::ifstream in("/proc/self/statm");
  size_t total = 0, resident = 0, shared = 0;
  if (!(in >> total >> resident >> shared)) return 0;
  return (resident - std::min(shared, resident)) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

void tune_heap(size_t memory_limit_bytes) {
  // Requests and pages of a megabyte come and go all the time: their memory is kept, for to get it
  // anew from the kernel, page by page, costs as much as what is done with it. Each arena keeps so
  // much, and threads have arenas of their own, so that both have to be bounded by the limit.
  constexpr int kArenas = 8;
  const size_t kept = std::clamp(memory_limit_bytes / (8 * kArenas), kMb, 64 * kMb);
  mallopt(M_ARENA_MAX, kArenas);
  // Without fast bins: glibc empties all of an arena's at once, under its lock, when something large
  // is freed. After a checkpoint of millions of entries that took a second, and the loops waited.
  mallopt(M_MXFAST, 0);
  mallopt(M_TRIM_THRESHOLD, static_cast<int>(kept));
  mallopt(M_MMAP_THRESHOLD, static_cast<int>(std::min(kept, 32 * kMb)));
}

void HeapTrimmer::look() {
  if (pause_s_ > 0) {
    --pause_s_;
    return;
  }
  // To walk the heap holds its threads up, for hundreds of milliseconds when it has grown to
  // gigabytes: only when clients have given back much since the last time, and what we hold is far
  // more than what they do and near the limit.
  const size_t released = memory_.released_bytes();
  const size_t limit = memory_.limit_bytes();
  if (released - seen_released_bytes_ < limit / 8) return;
  const size_t before = anonymous_bytes();
  if (before < std::max(memory_.held_bytes() + limit / 4, limit / 4 * 3)) return;
  seen_released_bytes_ = released;
  malloc_trim(0);
  const size_t after = anonymous_bytes();
  // When it was of no use, tables and not leftovers fill the heap: then rarely.
  const bool was_useful = before > after + limit / 16;
  next_pause_s_ = was_useful ? kShortPauseS : std::min(2 * next_pause_s_, kLongPauseS);
  pause_s_ = next_pause_s_;
}

}  // namespace server
