// Threads that do long work for sessions, so that no event loop is blocked: parsing and planning
// long statements, and computing functions of values that a client chose.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace server {

// Invariants: an accepted job runs once, or is destroyed when the workers stop.
// Threads:    any.
// Owner:      the node; the loops to which jobs report outlive it.
// Queues:     bounded in bytes; try_run() returns false when the queue is full.
class StatementWorkers {
 public:
  // `threads` = 0 means one thread per core, and kShortThreads more that only run short jobs
  // (short_work.h).
  explicit StatementWorkers(int threads, size_t max_queued_bytes = size_t{64} << 20);
  // Waits for running jobs.
  ~StatementWorkers();
  StatementWorkers(const StatementWorkers&) = delete;
  StatementWorkers& operator=(const StatementWorkers&) = delete;

  // Runs the job soon, on one of the threads. `bytes` is the approximate size of the data that the
  // job holds. Returns false if the queue is full. An empty queue accepts a job of any size.
  bool try_run(size_t bytes, std::function<void()> job);

  // Drops queued jobs and waits for running ones. Returns false if they are still running after
  // `patience`.
  bool stop(std::chrono::milliseconds patience);

 private:
  struct Job {
    size_t bytes;
    std::function<void()> run;
  };
  void work();

  const size_t max_queued_bytes_;
  std::mutex mutex_;
  // Guarded by mutex_
  std::condition_variable changed_;
  std::deque<Job> queue_;
  size_t queued_bytes_ = 0;
  size_t working_ = 0;  // number of threads that have not ended
  bool is_stopping_ = false;

  std::vector<std::thread> threads_;
};

}  // namespace server
