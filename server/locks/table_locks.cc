#include "server/locks/table_locks.h"

#include <algorithm>
#include <utility>

namespace server {

TableLocks::Place& TableLocks::Place::operator=(Place&& other) noexcept {
  leave();
  state_ = std::exchange(other.state_, {});
  number_ = other.number_;
  return *this;
}

// Withdraws the request, unless it has been granted in the meantime. A granted lock is released by
// the owner of its Hold.
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
                                  std::function<void(Hold)> granted, Owner owner) {
  uint64_t number = 0;
  {
    const std::lock_guard lock(state_->mutex);
    number = ++state_->last_number;
    for (const std::string& name : names) state_->queues[name].insert(number);
    Request& request = state_->requests[number];
    request = {std::move(names), mode, std::move(granted), owner, false};
    request.is_granted = state_->may_go(number);
    if (!request.is_granted && owner && state_->waits_for(number, owner)) {
      state_->take_out(number);
      return {.is_deadlock = true};
    }
    if (owner) state_->owned.emplace(owner, number);
    if (!request.is_granted) return {.place = Place(state_, number)};
  }
  return {.hold = state_->hold_of(number)};
}

void TableLocks::disown(Owner owner) {
  const std::lock_guard lock(state_->mutex);
  const auto [begin, end] = state_->owned.equal_range(owner);
  for (auto each = begin; each != end; ++each) state_->requests.at(each->second).owner = nullptr;
  state_->owned.erase(begin, end);
}

// Visits each position of a queue only once, even if several waiting requests lead to it.
bool TableLocks::State::waits_for(uint64_t number, Owner owner) const {
  std::map<std::string_view, uint64_t> seen;  // for each queue: the last number that was visited
  std::vector<uint64_t> waiting = {number};
  while (!waiting.empty()) {
    const uint64_t next = waiting.back();
    waiting.pop_back();
    for (const std::string& name : requests.at(next).names) {
      const std::set<uint64_t>& queue = queues.at(name);
      uint64_t& seen_here = seen[name];
      for (auto before = queue.upper_bound(seen_here); *before < next; ++before) {
        const Request& other = requests.at(*before);
        if (other.owner == owner) return true;
        if (!other.is_granted) waiting.push_back(*before);
        if (!other.is_granted || !other.owner) continue;
        const auto [begin, end] = owned.equal_range(other.owner);
        for (auto each = begin; each != end; ++each)
          if (!requests.at(each->second).is_granted) waiting.push_back(each->second);
      }
      seen_here = std::max(seen_here, next - 1);
    }
  }
  return false;
}

// Whether all earlier requests in the queues of the request are compatible with it.
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

TableLocks::Request TableLocks::State::take_out(uint64_t number) {
  Request gone = std::move(requests.extract(number).mapped());
  const auto [begin, end] = owned.equal_range(gone.owner);
  if (const auto each =
          std::find_if(begin, end, [&](const auto& of) { return of.second == number; });
      each != end)
    owned.erase(each);
  for (const std::string& name : gone.names) {
    const auto queue = queues.find(name);
    queue->second.erase(number);
    if (queue->second.empty()) queues.erase(queue);
  }
  return gone;
}

void TableLocks::State::remove(uint64_t number) {
  std::vector<std::pair<uint64_t, std::function<void(Hold)>>> next;
  {
    const std::lock_guard lock(mutex);
    if (!requests.contains(number)) return;
    const Request gone = take_out(number);
    std::set<uint64_t> waiting;
    for (const std::string& name : gone.names)
      if (const auto queue = queues.find(name); queue != queues.end())
        for (const uint64_t each : queue->second)
          if (!requests.at(each).is_granted) waiting.insert(each);
    for (const uint64_t each : waiting) {
      Request& request = requests.at(each);
      if (!may_go(each)) continue;
      request.is_granted = true;
      next.emplace_back(each, std::move(request.granted));
    }
  }
  // The callbacks run without the lock, since they may call ask().
  for (auto& [each, granted] : next) granted(hold_of(each));
}

TableLocks::Hold TableLocks::State::hold_of(uint64_t number) {
  return {static_cast<void*>(this),
          [state = shared_from_this(), number](void*) { state->remove(number); }};
}

}  // namespace server
