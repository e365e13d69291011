// What waits for the metadata thread.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>

#include "base/result.h"

namespace server {

// Three lanes, taken from in turn: a Kafka client that asks for thousands of topics does not keep a
// statement waiting, nor either of them the news of a failed task.
//
// Invariant: every job that was taken in is answered, by `run` or by `refuse`. Clients' lanes are
// bounded; what the node tells itself is not, there is at most one piece of news a query.
//
// Threads: any adds; one takes.
class JobQueue {
 public:
  struct Job {
    std::function<void()> run;
    std::function<void(Error)> refuse = [](const Error&) {};
  };
  enum class Lane : uint8_t { News, Statements, Topics };

  explicit JobQueue(size_t max_waiting) : max_waiting_(max_waiting) {}

  // Refuses the job at once, on the caller's thread, when the lane is full or the queue is closed.
  void add(Lane lane, Job job);
  // Waits for a job; nothing once the queue is closed.
  std::optional<Job> take();
  // Refuses all that waits and all that comes.
  void close();

 private:
  static constexpr size_t kLanes = 3;
  bool is_empty() const;

  const size_t max_waiting_;
  std::mutex mutex_;
  // Guarded by mutex_
  std::condition_variable ready_;
  std::deque<Job> lanes_[kLanes];
  size_t next_lane_ = 0;
  bool is_closed_ = false;
};

}  // namespace server
