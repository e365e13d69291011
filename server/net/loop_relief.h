// While the thread of a loop waits for the disk, another thread can run the loop, so that its connections are served.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

namespace server {

// lend() passes a loop to a stand-by thread. The stand-by thread wakes up only when an event is pending; it then runs
// the loop, and the thread that has lent the loop becomes the stand-by thread. If no event arrives before the lender
// takes the loop back, no thread has to wake up.
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

  // Lends the loop. Called by the thread that has the loop. Costs two system calls of less than a
  // microsecond.
  void lend();
  // Takes the loop back. Called by the lender. Returns false if the other thread has taken the
  // loop; the caller then becomes the stand-by thread.
  bool take_back();
  // Waits until the loop is lent and an event is pending, and takes the loop. Returns false after
  // end().
  bool wait_for_loop();
  // Ends the stand-by thread's wait_for_loop(). Called once, by the thread that has the loop.
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
  // Time when timer_fd_ was set. Only for the thread that has the loop.
  int64_t looks_us_ = 0;
};

}  // namespace server
