#include "server/net/loop_relief.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/clock.h"

namespace server {

namespace {

// An expired timer of a loop does not make the loop's descriptor readable. So while the lender
// waits for a slow disk, the stand-by thread checks at this interval whether the loop has been lent
// for that long, and then takes it. So timers are late by at most 1.5 times this value.
constexpr int64_t kLongUs = 20'000;

int64_t now_us() { return SystemClock().monotonic_us(); }

}  // namespace

std::unique_ptr<LoopRelief> LoopRelief::make(int events_fd) {
  const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  const int end_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  const int timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  std::unique_ptr<LoopRelief> relief(new LoopRelief(events_fd, epoll_fd, end_fd, timer_fd));
  if (epoll_fd < 0 || end_fd < 0 || timer_fd < 0 || !relief->begin()) return nullptr;
  return relief;
}

LoopRelief::~LoopRelief() {
  for (const int fd : {epoll_fd_, end_fd_, timer_fd_})
    if (fd >= 0) close(fd);
}

bool LoopRelief::begin() {
  const auto add = [this](int fd, uint32_t events) {
    epoll_event event{.events = events, .data = {.fd = fd}};
    return epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) == 0;
  };
  return add(events_fd_, EPOLLONESHOT) && add(end_fd_, EPOLLIN) && add(timer_fd_, EPOLLIN);
}

void LoopRelief::watch(uint32_t events) const {
  epoll_event event{.events = events | EPOLLONESHOT, .data = {.fd = events_fd_}};
  epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, events_fd_, &event);
}

void LoopRelief::lend() {
  const int64_t now = now_us();
  // The timer is set only if the previous interval has passed, so it costs nothing if the loop is
  // lent thousands of times a second.
  if (now - looks_us_ > kLongUs) {
    looks_us_ = now;
    look_again();
  }
  lent_us_ = now;
  is_lent_.store(true, std::memory_order_release);
  watch(EPOLLIN);
}

bool LoopRelief::take() {
  bool is_lent = true;
  return is_lent_.compare_exchange_strong(is_lent, false, std::memory_order_acquire);
}

bool LoopRelief::take_back() {
  if (!take()) return false;
  watch(0);
  return true;
}

void LoopRelief::look_again() const {
  const itimerspec once{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_nsec = kLongUs * 1'000}};
  timerfd_settime(timer_fd_, 0, &once, nullptr);
}

bool LoopRelief::is_lent_for_long() const { return now_us() - lent_us_ >= kLongUs / 2; }

bool LoopRelief::wait_for_loop() {
  while (true) {
    std::array<epoll_event, 3> events;
    const int count = epoll_wait(epoll_fd_, events.data(), events.size(), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<size_t>(i)].data.fd;
      if (fd == end_fd_) return false;
      if (fd == timer_fd_) {
        uint64_t times = 0;
        [[maybe_unused]] const ssize_t taken = read(timer_fd_, &times, sizeof times);
        if (!is_lent_for_long()) {
          if (is_lent_) look_again();
          continue;
        }
      }
      if (take()) return true;
    }
  }
}

void LoopRelief::end() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(end_fd_, &one, sizeof one);
}

}  // namespace server
