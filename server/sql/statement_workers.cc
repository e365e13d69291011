#include "server/sql/statement_workers.h"

#include <sys/resource.h>

#include <algorithm>

namespace server {

StatementWorkers::StatementWorkers(int threads, size_t max_queued_bytes)
    : max_queued_bytes_(max_queued_bytes) {
  if (threads <= 0) threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  working_ = static_cast<size_t>(threads);
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

StatementWorkers::~StatementWorkers() {
  stop(std::chrono::milliseconds(0));
  for (std::thread& thread : threads_) thread.join();
}

bool StatementWorkers::try_run(size_t bytes, std::function<void()> job) {
  {
    std::lock_guard lock(mutex_);
    if (is_stopping_) return false;
    if (!queue_.empty() && queued_bytes_ + bytes > max_queued_bytes_) return false;
    queued_bytes_ += bytes;
    queue_.push_back({bytes, std::move(job)});
  }
  changed_.notify_one();
  return true;
}

bool StatementWorkers::stop(std::chrono::milliseconds patience) {
  std::deque<Job> dropped;  // destroyed without the lock: a job may own anything
  std::unique_lock lock(mutex_);
  is_stopping_ = true;
  dropped.swap(queue_);
  changed_.notify_all();
  return changed_.wait_for(lock, patience, [&] { return working_ == 0; });
}

void StatementWorkers::work() {
  // Where cores are few, a loop that wakes up goes before a statement of megabytes. On Linux this is
  // the thread's own; when it is refused, statements are just less polite.
  constexpr int kNice = 5;
  setpriority(PRIO_PROCESS, 0, kNice);
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return is_stopping_ || !queue_.empty(); });
    if (is_stopping_) break;
    Job job = std::move(queue_.front());
    queue_.pop_front();
    queued_bytes_ -= job.bytes;
    lock.unlock();
    job.run();
    job.run = nullptr;
    lock.lock();
  }
  --working_;
  changed_.notify_all();
}

}  // namespace server
