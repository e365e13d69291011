// A loop for tests: posted tasks run while a test waits for a condition.
#pragma once
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

class Mailbox {
 public:
  void post(std::function<void()> task) {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    ready_.notify_all();
  }
  // Runs posted tasks until `is_done` returns true. Returns false if that takes too long.
  bool run_until(const std::function<bool()>& is_done, std::chrono::milliseconds most) {
    const auto end = std::chrono::steady_clock::now() + most;
    while (!is_done()) {
      std::unique_lock lock(mutex_);
      if (!ready_.wait_until(lock, end, [&] { return !tasks_.empty(); })) return false;
      const auto task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
    }
    return true;
  }
  bool run_until(const std::function<bool()>& is_done) {
    return run_until(is_done, std::chrono::seconds(20));
  }

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> tasks_;
};
