#include "server/sql/table_locks.h"

#include <algorithm>
#include <utility>

namespace server {

TableLocks::Place& TableLocks::Place::operator=(Place&& other) noexcept {
  leave();
  state_ = std::exchange(other.state_, {});
  number_ = other.number_;
  return *this;
}

// One that was granted meanwhile belongs to whoever got the hold.
void TableLocks::Place::leave() {
  const auto state = std::exchange(state_, {}).lock();
  if (!state) return;
  {
    const std::lock_guard lock(state->mutex);
    const auto found = state->requests.find(number_);
    if (found == state->requests.end() || found->second.is_granted) return;
  }
  state->remove(number_);
}

TableLocks::Asked TableLocks::ask(std::set<std::string> names, Mode mode,
                                  std::function<void(Hold)> granted) {
  uint64_t number = 0;
  {
    const std::lock_guard lock(state_->mutex);
    number = ++state_->last_number;
    for (const std::string& name : names) state_->queues[name].push_back(number);
    Request& request = state_->requests[number];
    request = {std::move(names), mode, std::move(granted), false};
    request.is_granted = state_->may_go(number);
    if (!request.is_granted) return {nullptr, Place(state_, number)};
  }
  return {state_->hold_of(number), Place()};
}

// Whether all before it, in each of its queues, are such as it goes together with.
bool TableLocks::State::may_go(uint64_t number) const {
  const Request& request = requests.at(number);
  return std::ranges::all_of(request.names, [&](const std::string& name) {
    for (const uint64_t before : queues.at(name)) {
      if (before == number) return true;
      if (request.mode == Mode::Exclusive || requests.at(before).mode != request.mode) return false;
    }
    return true;
  });
}

void TableLocks::State::remove(uint64_t number) {
  std::vector<std::pair<uint64_t, std::function<void(Hold)>>> next;
  {
    const std::lock_guard lock(mutex);
    const auto found = requests.find(number);
    if (found == requests.end()) return;
    const Request gone = std::move(found->second);
    requests.erase(found);
    std::set<uint64_t> waiting;
    for (const std::string& name : gone.names) {
      const auto queue = queues.find(name);
      queue->second.remove(number);
      for (const uint64_t each : queue->second)
        if (!requests.at(each).is_granted) waiting.insert(each);
      if (queue->second.empty()) queues.erase(queue);
    }
    for (const uint64_t each : waiting) {
      Request& request = requests.at(each);
      if (!may_go(each)) continue;
      request.is_granted = true;
      next.emplace_back(each, std::move(request.granted));
    }
  }
  // Not within the lock: who is called may ask for more.
  for (auto& [each, granted] : next) granted(hold_of(each));
}

TableLocks::Hold TableLocks::State::hold_of(uint64_t number) {
  return {static_cast<void*>(this),
          [state = shared_from_this(), number](void*) { state->remove(number); }};
}

}  // namespace server
