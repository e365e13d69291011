// Begins an asynchronous call and waits for its answer. For commands of the command line, which can
// block their thread.
#pragma once
#include <functional>
#include <future>
#include <utility>

namespace server {

template <class Answer>
Answer wait_for(const std::function<void(std::function<void(Answer)>)>& begin) {
  std::promise<Answer> done;
  begin([&](Answer answer) { done.set_value(std::move(answer)); });
  return done.get_future().get();
}

}  // namespace server
