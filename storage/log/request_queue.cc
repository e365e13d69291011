#include "storage/log/request_queue.h"

#include <algorithm>
#include <cassert>

namespace storage {

namespace {

// Of a group's bytes: four groups of a megabyte instead of one of four cost three syncs more. A
// megabyte takes a disk several milliseconds, a quarter of one hardly longer than the sync itself: so
// much while clients are about.
constexpr size_t kTasksShare = 4, kTasksShareAmongClients = 16;
// Who comes every ten milliseconds is about all the time.
constexpr size_t kClientsStay = 64;  // groups

size_t size_of(const std::vector<PartitionBatches>& parts) {
  size_t size = 0;
  for (const PartitionBatches& part : parts) size += part.batches.size();
  return size;
}

}  // namespace

size_t size_of(const AppendRequest& request) { return size_of(request.parts); }
size_t size_of(const FollowRequest& request) { return request.batches.size(); }
size_t size_of(const TaskCommit& commit) { return size_of(commit.outputs) + commit.journal.size(); }
size_t size_of(std::span<const LogWork> group) {
  size_t size = 0;
  for (const LogWork& work : group) {
    if (const auto* append = std::get_if<AppendWork>(&work)) size += size_of(append->request);
    if (const auto* follow = std::get_if<FollowWork>(&work)) size += size_of(follow->request);
    if (const auto* task = std::get_if<CommitWork>(&work)) size += size_of(task->commit);
  }
  return size;
}

RequestQueue::Admission RequestQueue::put(Lane which, LogWork& work, size_t size_bytes) {
  {
    std::lock_guard lock(mutex_);
    if (closed_) return Admission::Closed;
    LaneState& to = lane(which);
    if (to.held_bytes != 0 && to.held_bytes + size_bytes > limit_bytes_) return Admission::Full;
    to.slots.push_back({std::move(work), size_bytes, size_bytes});
    to.held_bytes += size_bytes;
  }
  ready_.notify_one();
  return Admission::Taken;
}

bool RequestQueue::put_unbounded(LogWork& work, size_t weight_bytes) {
  {
    std::lock_guard lock(mutex_);
    if (closed_) return false;
    lane(Lane::Tasks).slots.push_back({std::move(work), 0, weight_bytes});
  }
  ready_.notify_one();
  return true;
}

RequestQueue::Gathered RequestQueue::gather(size_t limit_bytes, Patience patience) {
  std::unique_lock lock(mutex_);
  LaneState &tasks = lane(Lane::Tasks), &clients = lane(Lane::Clients);
  const auto has_news = [&] {
    return closed_ || nudged_ || !waiters_.empty() || !tasks.slots.empty() ||
           !clients.slots.empty();
  };
  if (patience)
    ready_.wait_for(lock, *patience, has_news);
  else
    ready_.wait(lock, has_news);
  nudged_ = false;

  Gathered gathered;
  size_t tasks_bytes = 0, clients_bytes = 0;
  // A client that comes while a group is written waits for that and for its own: tasks, which always
  // have more, take a part of each only; beside clients that bring much, as much as they.
  groups_without_clients_ = clients.slots.empty() ? groups_without_clients_ + 1 : 0;
  const bool clients_are_about = groups_without_clients_ < kClientsStay;
  const size_t at_most = std::max<size_t>(limit_bytes / kTasksShare, 1);
  const size_t at_least =
      clients_are_about ? std::max<size_t>(limit_bytes / kTasksShareAmongClients, 1) : at_most;
  while (tasks_bytes + clients_bytes < limit_bytes) {
    const bool tasks_may =
        !tasks.slots.empty() && tasks_bytes < std::clamp(clients_bytes, at_least, at_most);
    const bool from_tasks = tasks_may && (clients.slots.empty() || tasks_bytes <= clients_bytes);
    LaneState& from = from_tasks ? tasks : clients;
    if (from.slots.empty()) break;
    Slot slot = std::move(from.slots.front());
    from.slots.pop_front();
    assert(from.held_bytes >= slot.size_bytes);
    from.held_bytes -= slot.size_bytes;
    (from_tasks ? tasks_bytes : clients_bytes) += slot.weight_bytes;
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

RequestQueue::Backlog RequestQueue::backlog() const {
  std::lock_guard lock(mutex_);
  Backlog backlog;
  for (const LaneState& lane : lanes_) {
    backlog.requests += lane.slots.size();
    backlog.bytes += lane.held_bytes;
  }
  return backlog;
}

void RequestQueue::nudge() {
  {
    std::lock_guard lock(mutex_);
    nudged_ = true;
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
