// A queue between threads that is bounded in bytes: a full one refuses, and its sender parks.
#pragma once
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

// Threads: any number of senders and receivers.
template <class T>
class BoundedQueue {
 public:
  explicit BoundedQueue(size_t limit_bytes) : limit_bytes_(limit_bytes) {}

  // False when the queue is closed, or already holds its limit; an item larger than the limit is
  // taken when the queue is empty, or it could never pass.
  bool try_push(T item, size_t size_bytes) {
    {
      std::lock_guard lock(mutex_);
      if (closed_ || (held_bytes_ != 0 && held_bytes_ + size_bytes > limit_bytes_)) return false;
      held_bytes_ += size_bytes;
      items_.push_back({std::move(item), size_bytes});
    }
    ready_.notify_one();
    return true;
  }

  // The next item; waits for one. Nothing once the queue is closed and empty.
  std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [&] { return closed_ || !items_.empty(); });
    return take_front();
  }
  std::optional<T> try_pop() {
    std::lock_guard lock(mutex_);
    return take_front();
  }

  // Refuses further items; what is queued can still be popped.
  void close() {
    {
      std::lock_guard lock(mutex_);
      closed_ = true;
    }
    ready_.notify_all();
  }
  size_t held_bytes() const {
    std::lock_guard lock(mutex_);
    return held_bytes_;
  }

 private:
  struct Slot {
    T item;
    size_t size_bytes;
  };
  std::optional<T> take_front() {
    if (items_.empty()) return std::nullopt;
    Slot slot = std::move(items_.front());
    items_.pop_front();
    held_bytes_ -= slot.size_bytes;
    return std::move(slot.item);
  }

  const size_t limit_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  // Guarded by mutex_
  std::deque<Slot> items_;
  size_t held_bytes_ = 0;
  bool closed_ = false;
};
