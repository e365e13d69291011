// Who has asked something and may be gone before the answer comes.
#pragma once
#include <memory>
#include <utility>

#include "server/net/loop.h"

namespace server {

// A member of what waits for answers: those that come after its end find nobody.
// Threads: made and destroyed on the loop.
class Interest {
 public:
  Interest() = default;
  ~Interest() { *is_there_ = false; }
  Interest(const Interest&) = delete;
  Interest& operator=(const Interest&) = delete;

  // The function, to be run on that loop, its own, if it is still there then; may be called on any thread.
  template <class F>
  auto on(Loop& loop, F run) const {
    return [&loop, is_there = is_there_, run = std::move(run)](auto... arguments) {
      loop.post([is_there, run, ... arguments = std::move(arguments)]() mutable {
        if (*is_there) run(std::move(arguments)...);
      });
    };
  }
  // The function, to be called on its loop.
  template <class F>
  auto here(F run) const {
    return [is_there = is_there_, run = std::move(run)](auto&&... arguments) {
      if (*is_there) run(std::forward<decltype(arguments)>(arguments)...);
    };
  }

 private:
  // Shared with what was asked.
  const std::shared_ptr<bool> is_there_ = std::make_shared<bool>(true);
};

}  // namespace server
