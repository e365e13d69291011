#include "server/sql/write/write_fence.h"

#include <mutex>

namespace server {

WriteFence::Hold WriteFence::close(const Uuid& topic) {
  const std::unique_lock lock(mutex_);
  if (!closed_.insert(topic).second) return nullptr;
  return {this, [topic](void* fence) {
            auto& self = *static_cast<WriteFence*>(fence);
            const std::unique_lock reopened(self.mutex_);
            self.closed_.erase(topic);
          }};
}

Error WriteFence::refusal() {
  return {ErrorCode::ObjectState, "the table is being altered", {}, "Try again in a moment."};
}

}  // namespace server
