// The memory that the tasks of all connectors may use together.
#pragma once
#include <atomic>
#include <cstddef>

#include "base/result.h"

namespace server {

// Threads: any. Owner: the runtime of connectors; it outlives the tasks.
class ConnectorMemory {
 public:
  explicit ConnectorMemory(size_t limit_bytes) : limit_bytes_(limit_bytes) {}

  // Adds `bytes`. Returns false, and changes nothing, if the limit would be exceeded. If no task
  // has memory, the first one always gets it, even beyond the limit: otherwise a limit below the
  // size of one batch would stop all connectors.
  bool try_add(size_t bytes);
  void remove(size_t bytes) { held_bytes_.fetch_sub(bytes, std::memory_order_relaxed); }
  size_t held_bytes() const { return held_bytes_.load(std::memory_order_relaxed); }
  // Returns the error for a task that gets no memory. It names the setting of the limit, and its
  // value.
  Error refusal() const;

 private:
  const size_t limit_bytes_;
  std::atomic<size_t> held_bytes_ = 0;
};

}  // namespace server
