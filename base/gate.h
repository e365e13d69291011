// A gate admits work until it is closed, and reports the end of the last admitted work. Every
// component that several threads use stops by means of a gate.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <utility>

// To stop a component, close the gate (new work is refused), wait until the running work has ended,
// then destroy the component.
//
// Invariant: once the gate is closed and nothing is inside, nothing is admitted again.
//
// Threads: any; one closes it. Owner: the component that stops; it outlives the passes.
class Gate {
 public:
  // Represents work inside the gate. Work that arrives after close() is not admitted. The gate
  // still counts it until it leaves, because such work has to report its refusal first.
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

  // Enters without a Pass, for work that enters and leaves in different functions. Returns false if
  // the gate is closed; even then the caller has to call leave().
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
      // Called under the lock: a waiter that gets the lock may destroy the gate.
      left_.notify_all();
    }
    if (on_empty) on_empty();
  }
  size_t count() const {
    std::lock_guard lock(mutex_);
    return count_;
  }

  // Closes the gate. Calls `on_empty` once: when the last work leaves, or before close() returns if
  // nothing is inside.
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
  // Returns false if work is still inside after `patience`.
  bool wait_until_empty(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    return left_.wait_for(lock, patience, [this] { return count_ == 0; });
  }
  void wait_until_empty() {
    std::unique_lock lock(mutex_);
    left_.wait(lock, [this] { return count_ == 0; });
  }
  // Removes the callback of close(), which is then not called.
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
