// Drops callbacks whose receiver no longer exists.
#pragma once
#include <memory>
#include <utility>

#include "server/net/loop.h"

namespace server {

// A member of an object that waits for answers. Answers that arrive after the object's destruction
// are dropped.
//
// Threads: created and destroyed on the loop.
class WeakCallback {
 public:
  WeakCallback() = default;
  ~WeakCallback() { *is_there_ = false; }
  WeakCallback(const WeakCallback&) = delete;
  WeakCallback& operator=(const WeakCallback&) = delete;

  // Wraps the function so that it runs on `loop`, if this object still exists then. `loop` is the
  // loop of this object. The wrapper may be called on any thread.
  template <class F>
  auto on(Loop& loop, F run) const {
    return [&loop, is_there = is_there_, run = std::move(run)](auto... arguments) {
      loop.post([is_there, run, ... arguments = std::move(arguments)]() mutable {
        if (*is_there) run(std::move(arguments)...);
      });
    };
  }
  // Wraps the function so that a call has no effect once this object is destroyed. The wrapper must
  // be called on the loop of this object.
  template <class F>
  auto here(F run) const {
    return [is_there = is_there_, run = std::move(run)](auto&&... arguments) {
      if (*is_there) run(std::forward<decltype(arguments)>(arguments)...);
    };
  }

 private:
  // Shared with the wrapped functions.
  const std::shared_ptr<bool> is_there_ = std::make_shared<bool>(true);
};

}  // namespace server
