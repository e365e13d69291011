// What waits for the metadata thread.
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

// Two lanes, taken from in turn: a Kafka client that asks for thousands of topics does not keep a
// statement waiting. Both are bounded.
//
// Invariant: every job is answered, by `run` or by `refuse`.
//
// Threads: any adds; one takes.
class JobQueue {
 public:
  struct Job {
    std::function<void()> run;
    std::function<void(Error)> refuse;
  };
  enum class Lane : uint8_t { Statements, Topics };

  explicit JobQueue(size_t max_waiting) : max_waiting_(max_waiting) {}

  // Refuses the job at once, on the caller's thread, when the lane is full or the queue is closed.
  void add(Lane lane, Job job);
  // Also where the lane is full: for what ends something that was let in.
  void add_always(Lane lane, Job job);
  // Waits for a job, for so long at most if that is said; nothing when none has come, or the queue is closed.
  std::optional<Job> take(std::optional<std::chrono::milliseconds> patience = {});
  bool is_closed();
  // Refuses all that waits and all that comes.
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
