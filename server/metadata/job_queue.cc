#include "server/metadata/job_queue.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace server {

namespace {

Error shutting_down() { return {ErrorCode::ShuttingDown, "the server is shutting down"}; }

}  // namespace

void JobQueue::add(Lane lane, Job job) { add_up_to(max_waiting_, lane, std::move(job)); }
void JobQueue::add_always(Lane lane, Job job) { add_up_to(SIZE_MAX, lane, std::move(job)); }

void JobQueue::add_up_to(size_t max_waiting, Lane lane, Job job) {
  const auto why_not = [&]() -> std::optional<Error> {
    std::lock_guard lock(mutex_);
    if (is_closed_) return shutting_down();
    std::deque<Job>& jobs = lanes_[static_cast<size_t>(lane)];
    if (jobs.size() >= max_waiting)
      return Error{
          ErrorCode::TooManyStatements,
          fmt::format("{} changes of definitions and topics are queued already", jobs.size()),
          {},
          "Try again when these changes are done."};
    jobs.push_back(std::move(job));
    return std::nullopt;
  }();
  if (why_not) return job.refuse(*why_not);
  ready_.notify_one();
}

bool JobQueue::is_empty() const {
  return std::ranges::all_of(lanes_, [](const auto& lane) { return lane.empty(); });
}

bool JobQueue::is_closed() {
  const std::lock_guard lock(mutex_);
  return is_closed_;
}

std::optional<JobQueue::Job> JobQueue::take(std::optional<std::chrono::milliseconds> patience) {
  std::unique_lock lock(mutex_);
  const auto is_awaited = [&] { return is_closed_ || !is_empty(); };
  if (patience)
    ready_.wait_for(lock, *patience, is_awaited);
  else
    ready_.wait(lock, is_awaited);
  if (is_closed_ || is_empty()) return std::nullopt;
  do next_lane_ = (next_lane_ + 1) % kLanes;
  while (lanes_[next_lane_].empty());
  Job job = std::move(lanes_[next_lane_].front());
  lanes_[next_lane_].pop_front();
  return job;
}

void JobQueue::close() {
  std::deque<Job> refused;
  {
    std::lock_guard lock(mutex_);
    is_closed_ = true;
    for (auto& lane : lanes_)
      while (!lane.empty()) {
        refused.push_back(std::move(lane.front()));
        lane.pop_front();
      }
  }
  ready_.notify_all();
  for (const Job& job : refused) job.refuse(shutting_down());
}

}  // namespace server
