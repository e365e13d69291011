// A lock around what a task changes, for threads other than its own that read single rows of its tables.
#pragma once
#include <atomic>
#include <mutex>
#include <utility>

namespace engine {

// The task's thread takes it whenever it changes something, for as long as a step takes. A reader has work of a
// microsecond or two; it waits for another reader, and never for a step.
//
// Threads: any. Owner: shared by the task and those who read.
class ReadGate {
 public:
  // While it lives nobody reads. Without a gate there is nobody who would.
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
    // Before others are called, who may read.
    void end() {
      ReadGate* const gate = std::exchange(gate_, nullptr);
      if (!gate) return;
      gate->is_changing_.store(false, std::memory_order_relaxed);
      gate->mutex_.unlock();
    }

   private:
    ReadGate* gate_;
  };

  // The lock of a reader; it has none where the task is at work.
  std::unique_lock<std::mutex> try_read() {
    std::unique_lock<std::mutex> lock(mutex_, std::defer_lock);
    for (int tries = 0; tries < kTries && !is_changing_.load(std::memory_order_relaxed); ++tries)
      if (lock.try_lock()) return lock;
    return lock;
  }

 private:
  static constexpr int kTries = 200;  // as long as a few readers take

  std::mutex mutex_;
  // A hint: there is no point in trying.
  std::atomic<bool> is_changing_ = false;
};

}  // namespace engine
