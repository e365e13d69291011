// Lets another thread run a loop while its own thread waits for a device.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

namespace server {

// A stand-by thread to which the loop is lent. It takes the loop as soon as an event is pending; if
// no event arrives before the lender is back, it does not even wake up. When it takes the loop, the
// two threads change roles.
//
// Threads: two, one of which has the loop at a time; writes before lend() are visible to the thread
// that takes the loop.
// Owner: the loop.
class LoopRelief {
 public:
  // `events_fd` is readable when an event is pending. Returns null if the system has run out of
  // descriptors.
  static std::unique_ptr<LoopRelief> make(int events_fd);
  ~LoopRelief();
  LoopRelief(const LoopRelief&) = delete;
  LoopRelief& operator=(const LoopRelief&) = delete;

  // Called by the thread that has the loop. Two system calls of less than a microsecond.
  void lend();
  // Called by the lender; false: the other thread has taken the loop, and the caller stands by.
  bool take_back();
  // Waits until the loop is lent and an event is pending, and takes the loop. Returns false after
  // end().
  bool wait_for_loop();
  // Called once, by the thread that has the loop.
  void end();

 private:
  LoopRelief(int events_fd, int epoll_fd, int end_fd, int timer_fd)
      : events_fd_(events_fd), epoll_fd_(epoll_fd), end_fd_(end_fd), timer_fd_(timer_fd) {}
  bool take();
  bool begin();
  void watch(uint32_t events) const;
  void look_again() const;
  bool is_lent_for_long() const;

  const int events_fd_, epoll_fd_, end_fd_, timer_fd_;
  std::atomic<bool> is_lent_ = false;
  std::atomic<int64_t> lent_us_ = 0;  // time of the last lend()
  int64_t looks_us_ = 0;              // last setting of timer_fd_; for the thread with the loop
};

}  // namespace server
