#include "storage/log/request_queue.h"

namespace storage {

RequestQueue::Admission RequestQueue::put(Lane which, LogWork& work, size_t size_bytes) {
  {
    std::lock_guard lock(mutex_);
    if (closed_) return Admission::Closed;
    LaneState& to = lane(which);
    if (to.held_bytes != 0 && to.held_bytes + size_bytes > limit_bytes_) return Admission::Full;
    to.slots.push_back({std::move(work), size_bytes});
    to.held_bytes += size_bytes;
  }
  ready_.notify_one();
  return Admission::Taken;
}

bool RequestQueue::put_always(LogWork& work) {
  {
    std::lock_guard lock(mutex_);
    if (closed_) return false;
    lane(Lane::Tasks).slots.push_back({std::move(work), 0});
  }
  ready_.notify_one();
  return true;
}

RequestQueue::Gathered RequestQueue::gather(size_t limit_bytes) {
  std::unique_lock lock(mutex_);
  LaneState &tasks = lane(Lane::Tasks), &clients = lane(Lane::Clients);
  ready_.wait(lock, [&] {
    return closed_ || !waiters_.empty() || !tasks.slots.empty() || !clients.slots.empty();
  });

  Gathered gathered;
  size_t tasks_bytes = 0, clients_bytes = 0;
  while (tasks_bytes + clients_bytes < limit_bytes) {
    const bool from_tasks =
        clients.slots.empty() || (!tasks.slots.empty() && tasks_bytes <= clients_bytes);
    LaneState& from = from_tasks ? tasks : clients;
    if (from.slots.empty()) break;
    Slot slot = std::move(from.slots.front());
    from.slots.pop_front();
    from.held_bytes -= slot.size_bytes;
    (from_tasks ? tasks_bytes : clients_bytes) += slot.size_bytes;
    gathered.group.push_back(std::move(slot.work));
  }
  gathered.waiters = std::exchange(waiters_, {});
  gathered.is_over = closed_ && gathered.group.empty();
  return gathered;
}

void RequestQueue::when_room(std::function<void()> retry) {
  {
    std::lock_guard lock(mutex_);
    waiters_.push_back(std::move(retry));
  }
  ready_.notify_one();
}

void RequestQueue::close() {
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
  }
  ready_.notify_all();
}

}  // namespace storage
