// Passes results of log operations to the replicas' loop, unless the receiver has been destroyed.
#pragma once
#include <functional>
#include <memory>
#include <utility>

#include "storage/replica/replica_port.h"

namespace storage {

// Returns a callback that calls `then` with the answer on the replicas' loop, unless the owner of
// `alive` has been destroyed by then.
template <class T>
std::function<void(T)> on_loop(ReplicaPort& port, const std::shared_ptr<const char>& alive,
                               std::function<void(T)> then) {
  return [&port, alive = std::weak_ptr<const char>(alive), then = std::move(then)](T answer) {
    port.post([alive, then, answer = std::make_shared<T>(std::move(answer))] {
      if (!alive.expired()) then(std::move(*answer));
    });
  };
}

}  // namespace storage
