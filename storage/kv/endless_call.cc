#include "storage/kv/endless_call.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <ctime>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.h"
#include "storage/kv/page_fault.h"

namespace storage {

namespace {

// A call of LMDB that lasts longer than this never returns. The longest calls that return free the
// pages of a whole table, which takes some seconds.
constexpr int64_t kLongestMs = 10'000;
constexpr int kSignal = SIGUSR2;

std::atomic<int64_t> longest_ms{kLongestMs};

struct Watched {
  pthread_t thread;
  GuardedCalls* calls;
  uint64_t seen = 0;     // number of the call in which the watching thread has seen this thread
  int64_t since_ms = 0;  // the thread's processor time when the call was first seen
};
// The object is never destroyed, because the threads that use it end in any order.
struct Registry {
  std::mutex mutex;
  std::vector<Watched> threads;  // guarded by mutex
  pid_t process = 0;             // the process whose thread watches; guarded by mutex
};
Registry& registry() {
  static auto* const all = new Registry;
  return *all;
}

int64_t processor_ms(pthread_t thread) {
  clockid_t clock;
  timespec time{};
  if (::pthread_getcpuclockid(thread, &clock) != 0 || ::clock_gettime(clock, &time) != 0) return 0;
  return int64_t{time.tv_sec} * 1'000 + time.tv_nsec / 1'000'000;
}

void look_at(Watched& watched) {
  const uint64_t call = watched.calls->count.load(std::memory_order_relaxed);
  if (!GuardedCalls::is_inside(call)) return;
  const int64_t now_ms = processor_ms(watched.thread);
  if (std::exchange(watched.seen, call) != call) {
    watched.since_ms = now_ms;
    return;
  }
  if (now_ms - watched.since_ms < longest_ms) return;
  watched.since_ms = now_ms;
  watched.calls->to_end.store(call, std::memory_order_relaxed);
  log_error("reading the data file did not end and was abandoned: a page is damaged");
  ::pthread_kill(watched.thread, kSignal);
}

[[noreturn]] void watch() {
  while (true) {
    std::this_thread::sleep_for(std::chrono::milliseconds(std::max<int64_t>(longest_ms / 4, 1)));
    const std::lock_guard lock(registry().mutex);
    for (Watched& watched : registry().threads) look_at(watched);
  }
}

// Runs on the thread that is in the call. Does nothing if that call has ended meanwhile.
void on_signal(int) {
  const uint64_t call = guarded_calls.count.load(std::memory_order_relaxed);
  if (call == guarded_calls.to_end.load(std::memory_order_relaxed)) leave_guarded_call();
}

// Registers a thread for as long as the thread lives.
struct Registration {
  Registration() {
    const std::lock_guard lock(registry().mutex);
    registry().threads.push_back({::pthread_self(), &guarded_calls});
  }
  ~Registration() {
    const std::lock_guard lock(registry().mutex);
    std::erase_if(registry().threads,
                  [](const Watched& each) { return each.calls == &guarded_calls; });
  }
};

}  // namespace

constinit thread_local GuardedCalls guarded_calls;

void GuardedCalls::watch_this_thread() {
  is_watched = true;
  static thread_local const Registration registration;
}

void watch_guarded_calls() {
  const std::lock_guard lock(registry().mutex);
  // After a fork, the child process starts a watching thread of its own: the threads of the parent
  // do not exist in the child.
  if (std::exchange(registry().process, ::getpid()) == ::getpid()) return;
  struct sigaction action = {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART | SA_NODEFER;  // the handler may jump and never return
  ::sigaction(kSignal, &action, nullptr);
  std::thread(watch).detach();
}

int64_t set_longest_guarded_call_ms(int64_t limit_ms) { return longest_ms.exchange(limit_ms); }

}  // namespace storage
