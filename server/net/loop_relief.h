// Who runs a loop while its thread waits for a device.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

namespace server {

// A thread that stands by. The loop is lent to it, and it takes it as soon as there is something to do; where there is
// nothing until the other thread is back, it does not even wake up. When it has the loop the two have changed places.
//
// Threads: two, one of which has the loop at a time; what is written before lend() is seen by who takes it.
// Owner: the loop.
class LoopRelief {
 public:
  // `events_fd` is readable when there is something to do. Null where the system has no more descriptors.
  static std::unique_ptr<LoopRelief> make(int events_fd);
  ~LoopRelief();
  LoopRelief(const LoopRelief&) = delete;
  LoopRelief& operator=(const LoopRelief&) = delete;

  // By who has the loop. Two system calls of less than a microsecond.
  void lend();
  // By who has lent it; false: the other has taken it, and the caller stands by.
  bool take_back();
  // Waits until the loop is lent and has something to do, and takes it. False: it has ended.
  bool stand_by();
  // By who has the loop, for good.
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
  std::atomic<int64_t> lent_us_ = 0;  // since when
  int64_t looks_us_ = 0;              // when timer_fd_ was set last; of who has the loop
};

}  // namespace server
