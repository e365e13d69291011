// Lets work in until it is closed, and tells when the last of it is out: how every part stops that
// others use from several threads.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <utility>

// Stopping goes: close (new work is refused), wait (the old work gets its answers), destroy.
//
// Invariant: once the gate is closed and nobody is inside, nobody is let in again.
//
// Threads: any; one closes it. Owner: the part that stops; it outlives the passes.
class Gate {
 public:
  // Somebody inside. One that comes too late is not admitted, and still counts until it leaves: it
  // has to be told so.
  class Pass {
   public:
    explicit Pass(Gate& gate) : gate_(&gate), is_admitted_(gate.enter()) {}
    ~Pass() {
      if (gate_) gate_->leave();
    }
    Pass(Pass&& other) noexcept
        : gate_(std::exchange(other.gate_, nullptr)), is_admitted_(other.is_admitted_) {}
    Pass& operator=(Pass&&) = delete;
    bool is_admitted() const { return is_admitted_; }

   private:
    Gate* gate_;
    bool is_admitted_;
  };

  Gate() = default;
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  // Of a Pass; for those that come and go in different places. False when the gate is closed.
  bool enter() {
    std::lock_guard lock(mutex_);
    ++count_;
    return !is_closed_;
  }
  void leave() {
    std::function<void()> on_empty;
    {
      std::lock_guard lock(mutex_);
      if (--count_ > 0) return;
      on_empty = std::exchange(on_empty_, nullptr);
      left_.notify_all();  // under the lock: who waits may destroy the gate once it has it
    }
    if (on_empty) on_empty();
  }
  size_t count() const {
    std::lock_guard lock(mutex_);
    return count_;
  }

  // Admits nobody from now on. `on_empty` is called once: by the last that leaves, or at once when
  // nobody is inside.
  void close(std::function<void()> on_empty = [] {}) {
    {
      std::lock_guard lock(mutex_);
      is_closed_ = true;
      if (count_ > 0) {
        on_empty_ = std::move(on_empty);
        return;
      }
    }
    on_empty();
  }
  // False when somebody is still inside after so long.
  bool wait_until_empty(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    return left_.wait_for(lock, patience, [this] { return count_ == 0; });
  }
  void wait_until_empty() {
    std::unique_lock lock(mutex_);
    left_.wait(lock, [this] { return count_ == 0; });
  }
  // Nobody is to be told any more.
  void forget_waiter() {
    std::lock_guard lock(mutex_);
    on_empty_ = nullptr;
  }

 private:
  mutable std::mutex mutex_;
  // Guarded by mutex_
  std::condition_variable left_;
  size_t count_ = 0;
  bool is_closed_ = false;
  std::function<void()> on_empty_;
};
