#include "storage/log/request_queue.h"

#include <algorithm>
#include <cassert>

namespace storage {

namespace {

// Work of tasks gets at most a quarter of a group's bytes: four groups of 1 MB cost only three more
// syncs than one group of 4 MB. While clients append, work of tasks gets a sixteenth. A disk takes
// several milliseconds for 1 MB; for 256 KB it takes hardly longer than for the sync itself.
constexpr size_t kTasksShare = 4, kTasksShareAmongClients = 16;
// Clients count as present until this number of groups has been written without client work. With
// this number, a client that appends every ten milliseconds is always present.
constexpr size_t kClientsStay = 64;
// While clients append, the writer's thread wakes up every two milliseconds anyway. So a nudge()
// does not wake it if it would see the nudge at most this much later.
constexpr int64_t kNudgeLateUs = 1500;
// If the queued work of tasks has at least this many bytes in total, it does not wait for a
// client's work.
constexpr size_t kTasksWait = 64 << 10;

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
    if (const auto* other = std::get_if<OtherWork>(&work))
      size += other->deferrable_bytes.value_or(0);
  }
  return size;
}

int64_t RequestQueue::now_us() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

bool RequestQueue::are_tasks_due(int64_t now_us) const {
  const LaneState& tasks = lane(Lane::Tasks);
  return !tasks.slots.empty() && (hurried_ || closed_ || tasks.held_bytes >= kTasksWait ||
                                  !waiters_.empty() || now_us >= pause_.due_us());
}

RequestQueue::Admission RequestQueue::put(Lane which, LogWork& work, size_t size_bytes) {
  return put(which, work, size_bytes, false);
}

RequestQueue::Admission RequestQueue::put_alone(LogWork& work, size_t size_bytes) {
  return put(Lane::Clients, work, size_bytes, true);
}

RequestQueue::Admission RequestQueue::put(Lane which, LogWork& work, size_t size_bytes,
                                          bool may_write) {
  {
    std::lock_guard lock(mutex_);
    if (closed_) return Admission::Closed;
    LaneState& to = lane(which);
    if (to.held_bytes != 0 && to.held_bytes + size_bytes > limit_bytes_) return Admission::Full;
    const bool is_writing = is_writer_writing_for_clients_ || is_written_alone_;
    if (which == Lane::Clients && (is_writing || !to.slots.empty())) groups_of_one_client_ = 0;
    if (which == Lane::Tasks) note_task();
    to.slots.push_back({std::move(work), size_bytes, size_bytes});
    to.held_bytes += size_bytes;
    // A client's thread has the writer's role; end_alone() wakes the writer's thread.
    if (is_written_alone_) return Admission::Taken;
    if (which == Lane::Tasks && !waits_too_long() && !are_tasks_due(now_us()))
      return Admission::Taken;
    if (may_write && groups_of_one_client_ >= kGroupsAlone) return Admission::TakenAlone;
  }
  ready_.notify_one();
  return Admission::Taken;
}

bool RequestQueue::put_unbounded(LogWork& work, size_t weight_bytes) {
  {
    std::lock_guard lock(mutex_);
    if (closed_) return false;
    note_task();
    lane(Lane::Tasks).slots.push_back({std::move(work), 0, weight_bytes});
    hurried_ = true;
  }
  ready_.notify_one();
  return true;
}

void RequestQueue::note_task() {
  if (lane(Lane::Tasks).slots.empty()) tasks_since_us_ = now_us();
}

bool RequestQueue::have_tasks_waited(int64_t now_us) const {
  return are_tasks_due(now_us) ||
         (!lane(Lane::Tasks).slots.empty() && now_us >= tasks_since_us_ + task_wait_us_);
}

// Returns whether the writer's thread sleeps beyond the time at which task commits become due. This
// is possible if a client's thread has written meanwhile.
bool RequestQueue::waits_too_long() const {
  return !lane(Lane::Tasks).slots.empty() && pause_.due_us() < writer_waits_until_us_;
}

bool RequestQueue::has_news(int64_t now_us) const {
  return closed_ || nudged_ || now_us >= nudge_at_us_ || !waiters_.empty() ||
         !lane(Lane::Clients).slots.empty() || are_tasks_due(now_us);
}

RequestQueue::Gathered RequestQueue::gather(size_t limit_bytes, Patience patience) {
  std::unique_lock lock(mutex_);
  int64_t now = now_us();
  pause_.groups_are_written(now);
  is_writer_writing_for_clients_ = false;
  const int64_t patient_until_us = patience ? now + patience->count() * 1000 : INT64_MAX;
  is_writer_waiting_ = true;
  while (is_written_alone_ || (!has_news(now) && now < patient_until_us)) {
    // The arrival of a task commit does not wake this thread before the commit is due. So this
    // thread also wakes up at the time at which commits become due.
    const int64_t until_us = std::min(patient_until_us, nudge_at_us_);
    const int64_t end_us = now < pause_.due_us() ? std::min(until_us, pause_.due_us()) : until_us;
    is_writer_held_up_ = is_written_alone_;
    writer_waits_until_us_ = is_written_alone_ ? INT64_MAX : end_us;
    if (writer_waits_until_us_ == INT64_MAX)
      ready_.wait(lock);
    else
      ready_.wait_for(lock, std::chrono::microseconds(end_us - now));
    now = now_us();
  }
  is_writer_waiting_ = is_writer_held_up_ = false;
  writer_waits_until_us_ = INT64_MIN;
  nudged_ = false;
  nudge_at_us_ = INT64_MAX;

  Gathered gathered;
  is_writer_writing_for_clients_ = !lane(Lane::Clients).slots.empty();
  gathered.group = take(limit_bytes, now, is_writer_writing_for_clients_ || are_tasks_due(now));
  gathered.waiters = std::exchange(waiters_, {});
  gathered.is_over = closed_ && gathered.group.empty();
  return gathered;
}

std::vector<LogWork> RequestQueue::gather_alone(size_t limit_bytes) {
  std::lock_guard lock(mutex_);
  if (!is_writer_waiting_ || is_written_alone_ || closed_ || nudged_ || !waiters_.empty() ||
      lane(Lane::Clients).slots.empty())
    return {};
  is_written_alone_ = true;
  nudge_at_us_ = INT64_MAX;  // cleared; hurry() may set it again
  const int64_t now = now_us();
  return take(limit_bytes, now, have_tasks_waited(now));
}

void RequestQueue::end_alone(int64_t nudge_at_us) {
  std::lock_guard lock(mutex_);
  is_written_alone_ = false;
  const int64_t now = now_us();
  pause_.groups_are_written(now);
  nudge_at_us_ = nudge_at_us == INT64_MAX ? INT64_MAX : std::min(nudge_at_us_, nudge_at_us);
  const bool is_nudge_late =
      nudge_at_us_ != INT64_MAX && writer_waits_until_us_ > nudge_at_us_ + kNudgeLateUs;
  // Notified under the lock: the queue may be destroyed as soon as the writer's thread has woken
  // up.
  if (is_writer_held_up_ || has_news(now) || waits_too_long() || is_nudge_late) ready_.notify_one();
}

std::vector<LogWork> RequestQueue::take(size_t limit_bytes, int64_t now_us, bool are_tasks_taken) {
  LaneState &tasks = lane(Lane::Tasks), &clients = lane(Lane::Clients);
  size_t tasks_bytes = 0, clients_bytes = 0;
  groups_without_clients_ = clients.slots.empty() ? groups_without_clients_ + 1 : 0;
  if (!clients.slots.empty()) {
    pause_.clients_came(now_us);
    groups_of_one_client_ = clients.slots.size() == 1 ? groups_of_one_client_ + 1 : 0;
  } else if (are_tasks_taken && now_us >= pause_.due_us()) {
    pause_.nobody_came();
  }
  const bool clients_are_about = groups_without_clients_ < kClientsStay;
  // A client's append that arrives while a group is written waits for the end of that group and for
  // the next group. Tasks nearly always have more work, so each group contains only a limited part
  // of it. If clients have much data, tasks get at most the same number of bytes.
  const size_t at_most = std::max<size_t>(limit_bytes / kTasksShare, 1);
  const size_t at_least =
      clients_are_about ? std::max<size_t>(limit_bytes / kTasksShareAmongClients, 1) : at_most;
  std::vector<LogWork> group;
  if (are_tasks_taken) tasks_since_us_ = now_us;  // for the commits that remain
  while (tasks_bytes + clients_bytes < limit_bytes) {
    const bool tasks_may = are_tasks_taken && !tasks.slots.empty() &&
                           tasks_bytes < std::clamp(clients_bytes, at_least, at_most);
    const bool from_tasks = tasks_may && (clients.slots.empty() || tasks_bytes <= clients_bytes);
    LaneState& from = from_tasks ? tasks : clients;
    if (from.slots.empty()) break;
    Slot slot = std::move(from.slots.front());
    from.slots.pop_front();
    assert(from.held_bytes >= slot.size_bytes);
    from.held_bytes -= slot.size_bytes;
    (from_tasks ? tasks_bytes : clients_bytes) += slot.weight_bytes;
    group.push_back(std::move(slot.work));
  }
  if (tasks.slots.empty()) hurried_ = false;
  return group;
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

void RequestQueue::hurry() {
  {
    std::lock_guard lock(mutex_);
    const bool has_tasks = !hurried_ && !lane(Lane::Tasks).slots.empty();
    if (!has_tasks && !is_written_alone_ && nudge_at_us_ == INT64_MAX) return;
    hurried_ |= has_tasks;
    nudge_at_us_ = std::min(nudge_at_us_, now_us());
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
