#include "server/net/loop.h"

#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <deque>
#include <iterator>
#include <mutex>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "server/net/loop_relief.h"
#include "server/net/run_when_idle.h"
#include "server/net/slice_meter.h"

namespace server {

namespace {

uv_handle_t* as_handle(void* handle) { return static_cast<uv_handle_t*>(handle); }

// The loops to which this thread has posted, and which are not woken until held_wakes is released.
struct HeldWakes {
  // After this number of posts, the loops are woken, so that the first of these posts are not
  // delayed for long. The posts take some microseconds.
  static constexpr int kMostPosts = 64;
  bool is_holding = false;
  int posts = 0;
  std::vector<Loop::Impl*> loops;

  void send();
};
thread_local HeldWakes held_wakes;
// The loop that this thread has lent to another thread while it runs idle work (run_when_idle.h).
// Posts of this thread do not wake this loop, because the thread empties the loop's mailbox when it
// returns from the idle work.
thread_local const Loop::Impl* left_loop = nullptr;

}  // namespace

// Posts wake the loop with an eventfd. The receiver of uv_async_t would spin until the sender has
// returned from the kernel. If the woken thread has preempted the sender, the spinning takes tens
// of microseconds; in a measurement it took a fifth of the CPU time of look-ups on a busy machine.
struct Loop::Impl {
  explicit Impl(std::string name)
      : slices(std::move(name)), wake_fd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    assert(wake_fd >= 0);
  }
  ~Impl() { close(wake_fd); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  uv_loop_t loop;
  SliceMeter slices;
  const SystemClock clock;
  const int wake_fd;
  uv_poll_t wake;       // polls wake_fd
  uv_check_t turn_end;  // always active: runs after the sockets and messages of a turn
  // Active while deferred tasks or slices exist, so that the loop does not wait for events.
  uv_idle_t idle_turn;
  std::deque<Task> inbox;       // posted tasks that have left the mailbox, in order
  std::vector<Task> deferred;   // tasks that were deferred in this turn
  std::deque<Task> left_over;   // tasks of earlier turns, the oldest first
  bool owes_left_over = false;  // the last turn had no time for `left_over`
  // The tasks of one kind of work that is done in slices, such as steps of tasks or scans of tables. The loop runs one
  // slice of each kind in turn. So a kind waits for one slice of each other kind, even if the other kinds have many
  // tasks.
  struct Work {
    const char* what;
    std::deque<Task> tasks;  // never empty
  };
  std::deque<Work> work;  // the kind with the next turn is first
  std::atomic<std::thread::id> thread;
  std::atomic<bool> stopping = false;
  Task idle_work;           // to run when the loop has no other work
  bool is_leaving = false;  // uv_run() is about to return for idle_work
  std::unique_ptr<LoopRelief> relief;
  std::thread relief_thread;  // started with the first idle_work

  std::mutex mutex;
  // Guarded by mutex
  std::vector<Task> mailbox;

  // Wakes the loop. Called on any thread.
  void send_wake() const {
    const uint64_t one = 1;
    // The write fails only if the counter is full. In this case the loop is already awake.
    [[maybe_unused]] const ssize_t written = write(wake_fd, &one, sizeof one);
  }
  void on_wake() {
    uint64_t count = 0;
    // The counter is read before the mailbox is emptied, so a post that arrives after the read
    // wakes the loop again.
    [[maybe_unused]] const ssize_t taken = read(wake_fd, &count, sizeof count);
    // A loop that stops runs all tasks that were posted earlier. stop() sets the flag before it
    // wakes the loop, so if stop() is called after this line, the loop wakes once more.
    const bool is_last = stopping;
    drain_mailbox(is_last ? Drain::All : Drain::ForAWhile);
    if (is_last) uv_stop(&loop);
  }
  enum class Drain : uint8_t { ForAWhile, All };
  // Runs the tasks of the mailbox. If they take too long, the remaining tasks run in later loop
  // iterations, before tasks that are posted meanwhile. For example, when thirty HTTP/2 clients
  // begin 16 scans each, the first slices of all scans arrive together as messages. Without the
  // limit, the sockets of all other clients would wait for a tenth of a second.
  void drain_mailbox(Drain much) {
    constexpr int64_t kMostUs = 2'000;
    {
      std::lock_guard lock(mutex);
      inbox.insert(inbox.end(), std::make_move_iterator(mailbox.begin()),
                   std::make_move_iterator(mailbox.end()));
      mailbox.clear();
    }
    const int64_t begun_us = clock.monotonic_us();
    while (!inbox.empty()) {
      const Task task = std::move(inbox.front());
      inbox.pop_front();
      const SliceMeter::Slice slice(slices, "message");
      task();
      if (much == Drain::ForAWhile && clock.monotonic_us() - begun_us >= kMostUs) break;
    }
    if (!inbox.empty()) send_wake();
  }
  // Runs in each loop iteration after libuv has polled the sockets. Tasks that the socket callbacks
  // have deferred run now, because the next iteration would need another poll first.
  void end_turn() {
    if (has_deferred() || !work.empty()) run_rest();
    if (!idle_work) return;
    is_leaving = !has_deferred() && work.empty() && !has_waiting();
    if (is_leaving)
      uv_stop(&loop);
    else
      idle_work = nullptr;
  }
  bool has_deferred() const { return !deferred.empty() || !left_over.empty(); }
  // Runs the deferred tasks. If they take too long, the remaining tasks run in later loop
  // iterations, and new tasks do not wait for them. For example, when a thousand consumers get a
  // large record, another client's row is acknowledged before all consumers have the record.
  void run_deferred() {
    constexpr int64_t kMostUs = 2'000;
    const int64_t begun_us = clock.monotonic_us();
    const auto has_time = [&](int64_t us) { return clock.monotonic_us() - begun_us < us; };
    std::vector<Task> tasks;
    tasks.swap(deferred);
    const bool begins_with_old = std::exchange(owes_left_over, false) || tasks.empty();
    if (begins_with_old && !left_over.empty()) run_left_over();
    for (auto task = tasks.begin(); task != tasks.end();) {
      run_end_of_turn(*task);
      if (++task == tasks.end() || has_time(kMostUs / 2)) continue;
      left_over.insert(left_over.end(), std::make_move_iterator(task),
                       std::make_move_iterator(tasks.end()));
      break;
    }
    owes_left_over = !begins_with_old && !left_over.empty() && !has_time(kMostUs);
    while (!left_over.empty() && has_time(kMostUs)) run_left_over();
  }
  void run_left_over() {
    const Task task = std::move(left_over.front());
    left_over.pop_front();
    run_end_of_turn(task);
  }
  void run_end_of_turn(const Task& task) {
    const SliceMeter::Slice slice(slices, "end of turn");
    task();
  }
  void add_work(const char* what, Task task) {
    const auto kind = std::ranges::find(work, std::string_view(what), &Work::what);
    Work& of_it = kind == work.end() ? work.emplace_back(Work{what, {}}) : *kind;
    of_it.tasks.push_back(std::move(task));
  }
  void run_work() {
    Work kind = std::move(work.front());
    work.pop_front();
    const Task next = std::move(kind.tasks.front());
    kind.tasks.pop_front();
    const char* const what = kind.what;
    if (!kind.tasks.empty()) work.push_back(std::move(kind));
    const SliceMeter::Slice slice(slices, what);
    next();
  }
  void run_rest() {
    run_deferred();
    if (!work.empty()) run_work();
    stop_idle();
  }
  bool has_waiting() const {
    if (!inbox.empty()) return true;
    // libuv's descriptor is readable if any event is pending, including events of the mailbox.
    pollfd polled{uv_backend_fd(&loop), POLLIN, 0};
    return poll(&polled, 1, 0) > 0;
  }
  void start_idle() {
    uv_idle_start(&idle_turn, [](uv_idle_t*) {});
  }
  void stop_idle() {
    if (!has_deferred() && work.empty()) uv_idle_stop(&idle_turn);
  }

  // --- Running the loop on two threads that replace each other (LoopRelief)
  void serve() {
    do {
      thread = std::this_thread::get_id();
      bool is_own = true;
      while (is_own && !stopping) {
        if (!is_leaving) uv_run(&loop, UV_RUN_DEFAULT);
        if (is_leaving) is_own = run_idle_work();
      }
      if (!is_own) continue;
      idle_work = nullptr;
      if (relief) relief->end();
      return;
    } while (relief->wait_for_loop());
  }
  // Lends the loop to the stand-by thread of `relief` and runs the idle work. Returns false if the
  // stand-by thread has taken the loop in the meantime.
  bool run_idle_work() {
    is_leaving = false;
    Task left = std::exchange(idle_work, nullptr);
    if (!left || !has_relief()) return true;
    thread = std::thread::id();
    relief->lend();
    left_loop = this;
    left();
    left = nullptr;
    left_loop = nullptr;
    if (!relief->take_back()) {
      send_wake();  // posts of this thread did not wake the loop until now
      return false;
    }
    thread = std::this_thread::get_id();
    drain_mailbox(Drain::ForAWhile);
    // Answers are sent before other work, because a client waits for them.
    if (has_deferred()) {
      run_deferred();
      stop_idle();
    }
    // The tasks of this iteration may have set idle_work again. One whole loop iteration runs
    // before that work, so that timers and sockets are served.
    if (idle_work) uv_run(&loop, UV_RUN_NOWAIT);
    return true;
  }
  bool has_relief() {
    if (relief_thread.joinable()) return true;
    relief = LoopRelief::make(uv_backend_fd(&loop));
    if (!relief) return false;
    try {
      relief_thread = std::thread([this] {
        if (relief->wait_for_loop()) serve();
      });
    } catch (const std::system_error&) {  // the limit of threads is reached
      relief.reset();
    }
    return relief != nullptr;
  }
};

namespace {

void HeldWakes::send() {
  posts = 0;
  for (Loop::Impl* loop : std::exchange(loops, {}))
    if (loop != left_loop) loop->send_wake();
}

}  // namespace

Loop::WakesTogether::WakesTogether() {
  assert(!held_wakes.is_holding);
  held_wakes.is_holding = true;
}
Loop::WakesTogether::~WakesTogether() {
  held_wakes.is_holding = false;
  held_wakes.send();
}

Loop::Loop(std::string name) : impl_(std::make_unique<Impl>(std::move(name))) {
  [[maybe_unused]] int failed = uv_loop_init(&impl_->loop);
  assert(!failed);
  impl_->loop.data = impl_.get();
  failed = uv_poll_init(&impl_->loop, &impl_->wake, impl_->wake_fd);
  assert(!failed);
  uv_idle_init(&impl_->loop, &impl_->idle_turn);
  uv_check_init(&impl_->loop, &impl_->turn_end);
  impl_->wake.data = impl_->turn_end.data = impl_.get();
  uv_check_start(&impl_->turn_end,
                 [](uv_check_t* handle) { static_cast<Impl*>(handle->data)->end_turn(); });
  failed = uv_poll_start(&impl_->wake, UV_READABLE, [](uv_poll_t* handle, int, int) {
    static_cast<Impl*>(handle->data)->on_wake();
  });
  assert(!failed);
}

Loop::~Loop() {
  // Tasks may own sockets and timers of this loop, so they are destroyed before the handles are
  // closed.
  impl_->deferred.clear();
  impl_->left_over.clear();
  impl_->work.clear();
  impl_->inbox.clear();
  std::vector<Task> unread;
  {
    std::lock_guard lock(impl_->mutex);
    unread.swap(impl_->mailbox);
  }
  unread.clear();
  uv_close(as_handle(&impl_->wake), nullptr);
  uv_close(as_handle(&impl_->turn_end), nullptr);
  uv_close(as_handle(&impl_->idle_turn), nullptr);
  uv_run(&impl_->loop, UV_RUN_DEFAULT);
  [[maybe_unused]] const int busy = uv_loop_close(&impl_->loop);
  assert(!busy);  // an object on the loop outlived it
}

void Loop::post(Task task) {
  bool is_first = false;
  {
    std::lock_guard lock(impl_->mutex);
    is_first = impl_->mailbox.empty();
    impl_->mailbox.push_back(std::move(task));
  }
  // Only the thread that posts the first task wakes the loop; the loop then handles all tasks that
  // were posted until then.
  HeldWakes& held = held_wakes;
  if (is_first && !held.is_holding && impl_.get() != left_loop) impl_->send_wake();
  if (!held.is_holding) return;
  if (is_first) held.loops.push_back(impl_.get());
  if (++held.posts >= HeldWakes::kMostPosts) held.send();
}

void Loop::post_slice(const char* what, Task task) {
  impl_->add_work(what, std::move(task));
  impl_->start_idle();
}

void Loop::post_rest(const char* what, Task task) {
  post_slice(what, std::move(task));
  sched_yield();
}

void Loop::defer(Task task) {
  impl_->deferred.push_back(std::move(task));
  impl_->start_idle();
}

void run_when_idle(Loop& loop, Task work) {
  if (!loop.is_here()) return;
  Loop::Impl& impl = *static_cast<Loop::Impl*>(loop.uv()->data);
  impl.idle_work = std::move(work);
  impl.slices.before_next([&impl] { impl.idle_work = nullptr; });
}

void Loop::run() {
  impl_->serve();
  if (impl_->relief_thread.joinable()) impl_->relief_thread.join();
  impl_->relief.reset();
  impl_->stopping = false;
  impl_->thread = std::thread::id();
}

void Loop::stop() {
  impl_->stopping = true;
  impl_->send_wake();
}

bool Loop::has_waiting() const { return impl_->has_waiting(); }
bool Loop::is_here() const { return impl_->thread == std::this_thread::get_id(); }
uv_loop_s* Loop::uv() { return &impl_->loop; }
SliceMeter& Loop::slices() { return impl_->slices; }
SliceMeter& slices_of(uv_loop_s* loop) { return static_cast<Loop::Impl*>(loop->data)->slices; }

struct Timer::Impl {
  uv_timer_t handle;
  const char* const what;
  Task on_time;
  static void is_time(uv_timer_t* handle) {
    Impl& timer = *static_cast<Impl*>(handle->data);
    const SliceMeter::Slice slice(slices_of(handle->loop), timer.what);
    timer.on_time();
  }
};

Timer::Timer(Loop& loop, const char* what, Task on_time)
    : impl_(new Impl{{}, what, std::move(on_time)}) {
  uv_timer_init(loop.uv(), &impl_->handle);
  impl_->handle.data = impl_;
}
Timer::~Timer() {
  uv_timer_stop(&impl_->handle);
  uv_close(as_handle(&impl_->handle),
           [](uv_handle_t* handle) { delete static_cast<Impl*>(handle->data); });
}

namespace {

void start_timer(uv_timer_t& handle, uv_timer_cb on_time, int64_t delay_ms, int64_t repeat_ms) {
  // libuv counts the delay from the beginning of the current loop iteration, so a long iteration
  // would shorten the delay.
  uv_update_time(handle.loop);
  uv_timer_start(&handle, on_time, static_cast<uint64_t>(std::max<int64_t>(delay_ms, 0)),
                 static_cast<uint64_t>(repeat_ms));
}

}  // namespace

void Timer::start_once(int64_t delay_ms) {
  // A minimum of 1 ms: a timer without a delay that is started by a timer would run again and again
  // in the same loop iteration.
  start_timer(impl_->handle, Impl::is_time, std::max<int64_t>(delay_ms, 1), 0);
}
void Timer::start_every(int64_t interval_ms) {
  interval_ms = std::max<int64_t>(interval_ms, 1);  // libuv takes a repeat of 0 for "once"
  start_timer(impl_->handle, Impl::is_time, interval_ms, interval_ms);
}
void Timer::stop() { uv_timer_stop(&impl_->handle); }
bool Timer::is_running() const {
  return uv_is_active(reinterpret_cast<const uv_handle_t*>(&impl_->handle)) != 0;
}

}  // namespace server
