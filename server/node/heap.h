// The C library's heap, set up for a server whose memory has a limit.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/memory_budget.h"

namespace server {

// Before any thread is made.
void tune_heap(size_t memory_limit_bytes);

// Gives pages back to the kernel that were freed and lie between others that are in use: the heap
// does so by itself only at its end. Threads: one.
class HeapTrimmer {
 public:
  explicit HeapTrimmer(const MemoryBudget& memory) : memory_(memory) {}

  // Called once a second.
  void look();

 private:
  const MemoryBudget& memory_;
  size_t seen_released_bytes_ = 0;
  int pause_s_ = 0, next_pause_s_ = kShortPauseS;
  static constexpr int kShortPauseS = 2, kLongPauseS = 300;
};

}  // namespace server
