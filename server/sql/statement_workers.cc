#include "server/sql/statement_workers.h"

#include <sys/resource.h>

#include <algorithm>

#include "server/sql/short_work.h"

namespace server {

namespace {

// The number of additional threads that only run short jobs. Without them, forty sorts of large
// tables would keep all threads busy for seconds, and short jobs would have to wait. If the number
// of threads is configured, no such threads exist.
constexpr int kShortThreads = 2;
thread_local bool runs_short_jobs_only = false;

}  // namespace

StatementWorkers::StatementWorkers(int threads, size_t max_queued_bytes)
    : max_queued_bytes_(max_queued_bytes) {
  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  const int all = threads <= 0 ? cores : threads, of_short = threads <= 0 ? kShortThreads : 0;
  working_ = static_cast<size_t>(all + of_short);
  for (int i = 0; i < all; ++i) threads_.emplace_back([this] { work(); });
  for (int i = 0; i < of_short; ++i)
    threads_.emplace_back([this] {
      runs_short_jobs_only = true;
      work();
    });
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
  // notify_one() might wake a thread that runs only short jobs, and then no thread would take a
  // long job.
  if (bytes > kMostShortWorkBytes)
    changed_.notify_all();
  else
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
  // The priority of this thread is lowered: with few cores, a loop that wakes up has to run before
  // a statement of megabytes. On Linux the value applies to this thread alone. The result is
  // ignored: after a failure, statements only take more time from the loops.
  constexpr int kNice = 5;
  setpriority(PRIO_PROCESS, 0, kNice);
  const auto is_mine = [](const Job& job) {
    return !runs_short_jobs_only || job.bytes <= kMostShortWorkBytes;
  };
  std::unique_lock lock(mutex_);
  while (true) {
    auto first = queue_.end();
    changed_.wait(lock, [&] {
      first = std::ranges::find_if(queue_, is_mine);
      return is_stopping_ || first != queue_.end();
    });
    if (is_stopping_) break;
    Job job = std::move(*first);
    queue_.erase(first);
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
