// The memory that all tasks of connectors may hold together.
#pragma once
#include <atomic>
#include <cstddef>

#include "base/result.h"

namespace server {

// Threads: any. Owner: the runtime of connectors; it outlives the tasks.
class ConnectorMemory {
 public:
  explicit ConnectorMemory(size_t limit_bytes) : limit_bytes_(limit_bytes) {}

  // Returns false, and changes nothing, if the limit would be exceeded by `bytes` more. The first
  // task always gets its memory, even beyond the limit: otherwise a limit below the size of one
  // batch would stop all connectors.
  bool try_add(size_t bytes);
  void remove(size_t bytes) { held_bytes_.fetch_sub(bytes, std::memory_order_relaxed); }
  size_t held_bytes() const { return held_bytes_.load(std::memory_order_relaxed); }
  // Returns the error for a request beyond the limit. Its text names the setting and its value.
  Error refusal() const;

 private:
  const size_t limit_bytes_;
  std::atomic<size_t> held_bytes_ = 0;
};

}  // namespace server
