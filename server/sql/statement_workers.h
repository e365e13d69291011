// Threads that do for sessions what may take long, so that no event loop does it: parsing and
// planning long statements, computing functions of values that somebody chose.
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

// Invariants: a job that was taken is run once, or destroyed when the workers stop.
// Threads:    any.
// Owner:      the node; the loops to which jobs report outlive it.
// Queues:     bounded in bytes: who has no room is told so.
class StatementWorkers {
 public:
  // 0 threads: as many as cores, and some more for short jobs alone.
  explicit StatementWorkers(int threads, size_t max_queued_bytes = size_t{64} << 20);
  // Waits for the jobs that run.
  ~StatementWorkers();
  StatementWorkers(const StatementWorkers&) = delete;
  StatementWorkers& operator=(const StatementWorkers&) = delete;

  // Runs the job soon, on one of the threads. `bytes` is about what it holds. False when too much
  // is waiting; a job that finds the queue empty is always taken.
  bool try_run(size_t bytes, std::function<void()> job);

  // Drops what waits, and waits for what runs; false when that is not over in time.
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
  size_t working_ = 0;  // threads that have not ended
  bool is_stopping_ = false;

  std::vector<std::thread> threads_;
};

}  // namespace server
