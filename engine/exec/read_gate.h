// A lock with which other threads read single rows of a task's tables while the task is not
// changing them.
#pragma once
#include <atomic>
#include <mutex>
#include <utility>

namespace engine {

// The task's thread holds the lock during each step that changes a table. A reader only tries to take it (try_read()),
// and holds it for one or two microseconds. So a reader may wait for another reader, but it never waits for a step.
//
// Threads: any. Owner: shared by the task and its readers.
class ReadGate {
 public:
  // Blocks readers during its lifetime. A null gate means that the task has no readers.
  class Change {
   public:
    explicit Change(ReadGate* gate) : gate_(gate) {
      if (!gate_) return;
      gate_->is_changing_.store(true, std::memory_order_relaxed);
      gate_->mutex_.lock();
    }
    ~Change() { end(); }
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;
    // Lets readers in before the end of the scope. Called before code that may itself read the
    // tables.
    void end() {
      ReadGate* const gate = std::exchange(gate_, nullptr);
      if (!gate) return;
      gate->is_changing_.store(false, std::memory_order_relaxed);
      gate->mutex_.unlock();
    }

   private:
    ReadGate* gate_;
  };

  // Takes the lock for a reader. The returned lock is not held if the task is changing its tables.
  std::unique_lock<std::mutex> try_read() {
    std::unique_lock<std::mutex> lock(mutex_, std::defer_lock);
    for (int tries = 0; tries < kTries && !is_changing_.load(std::memory_order_relaxed); ++tries)
      if (lock.try_lock()) return lock;
    return lock;
  }

 private:
  static constexpr int kTries = 200;  // about the time that a few readers hold the lock

  std::mutex mutex_;
  // If it is set, readers do not try to take the lock, which saves time. Its value may be outdated;
  // only the lock is decisive.
  std::atomic<bool> is_changing_ = false;
};

}  // namespace engine
