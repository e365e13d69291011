#include "server/connect/connector_memory.h"

#include <fmt/format.h>

#include "base/memory_budget.h"

namespace server {

bool ConnectorMemory::try_add(size_t bytes) {
  size_t held = held_bytes_.load(std::memory_order_relaxed);
  while (held == 0 || held + bytes <= limit_bytes_)
    if (held_bytes_.compare_exchange_weak(held, held + bytes, std::memory_order_relaxed))
      return true;
  return false;
}

Error ConnectorMemory::refusal() const {
  return {ErrorCode::OutOfMemory,
          fmt::format("connectors hold {} together, and connect-memory is {}",
                      format_bytes(held_bytes()), format_bytes(limit_bytes_)),
          {},
          "The task continues when another one has finished its batch. A larger --connect-memory "
          "lets more tasks read at a time."};
}

}  // namespace server
