// The queue of the metadata thread.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>

#include "base/result.h"

namespace server {

// Two bounded queues of jobs (lanes). The thread takes jobs from both alternately, so that a Kafka
// client that creates thousands of topics does not delay statements.
//
// Invariant: every job is answered, by `run` or by `refuse`.
//
// Threads: any thread adds jobs; one thread takes them.
class JobQueue {
 public:
  struct Job {
    std::function<void()> run;
    std::function<void(Error)> refuse;
  };
  enum class Lane : uint8_t { Statements, Topics };

  explicit JobQueue(size_t max_waiting) : max_waiting_(max_waiting) {}

  // Adds a job. Refuses it within the call, on the caller's thread, if the lane is full or the
  // queue is closed.
  void add(Lane lane, Job job);
  // Adds a job even if the lane is full, because the job ends work that was admitted earlier.
  void add_always(Lane lane, Job job);
  // Waits for a job, at most for `patience` if given. Returns nothing if no job arrived or the
  // queue is closed.
  std::optional<Job> take(std::optional<std::chrono::milliseconds> patience = {});
  bool is_closed();
  // Refuses all waiting and all later jobs.
  void close();

 private:
  static constexpr size_t kLanes = 2;
  bool is_empty() const;
  void add_up_to(size_t max_waiting, Lane lane, Job job);

  const size_t max_waiting_;
  std::mutex mutex_;
  // Guarded by mutex_
  std::condition_variable ready_;
  std::deque<Job> lanes_[kLanes];
  size_t next_lane_ = 0;
  bool is_closed_ = false;
};

}  // namespace server
