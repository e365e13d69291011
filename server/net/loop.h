// One thread that waits for sockets, timers and messages, and runs their callbacks one after the
// other.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

struct uv_loop_s;

namespace server {

class SliceMeter;
using Task = std::function<void()>;

// Stopping, from the outside in: stop() makes run() return; then the owner destroys the objects on
// the loop (listeners first, since they refuse new work), and finally the loop, which waits until
// libuv has closed all handles. Tasks posted after stop() are destroyed without running.
//
// Threads: post() and stop() from any; everything else from the thread in run(), from the thread
//          that runs the loop in its place (run_when_idle.h), or from the owner's thread while no
//          thread is in run().
// Queues:  the mailbox has no limit of its own: posts on behalf of a client are bounded by that
//          client's buffers.
class Loop {
 public:
  // The name is for the log.
  explicit Loop(std::string name = "loop");
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs the task on the loop's thread soon, in the order of the calls.
  void post(Task task);
  // While it lives, the posts of its thread wake each loop once: at its end, or after
  // HeldWakes::kMostPosts posts. For code that posts to many receivers: otherwise a loop wakes for
  // the first post, handles it, goes to sleep, and is woken by the second. A thread may have one at
  // a time; it must not outlive the loops.
  class WakesTogether {
   public:
    WakesTogether();
    ~WakesTogether();
    WakesTogether(const WakesTogether&) = delete;
    WakesTogether& operator=(const WakesTogether&) = delete;
  };
  // For work in slices: one slice runs in each turn of the loop, so sockets and messages are
  // handled in between, and a message waits for one slice only. Call on the loop's thread. `what`
  // names the work in the log if it holds the loop; the text outlives it.
  void post_slice(const char* what, Task task);
  // Like post_slice(), for a caller that has worked for a slice and has more to do. It yields the
  // core to other threads first: a loop that never waits keeps it until the scheduler's next tick,
  // up to 4 ms, and the log's writer and clients on the same machine would stand still.
  void post_rest(const char* what, Task task);
  // Runs when the callbacks of this turn are done, before the loop waits again.
  void defer(Task task);

  // Runs until stop(). May be called again afterwards.
  void run();
  void stop();
  // Whether the caller is on the loop's thread.
  bool is_here() const;

  // Whether a socket or a message waits for its turn. A system call of less than a microsecond.
  bool has_waiting() const;
  // Whether work in slices has used up its slice: the shorter time counts if other events wait.
  struct SliceLength {
    int64_t short_us, long_us;
  };
  bool is_slice_over(int64_t taken_us, SliceLength length) const {
    return taken_us >= length.long_us || (taken_us >= length.short_us && has_waiting());
  }

  // Measures how long callbacks hold the loop.
  SliceMeter& slices();

  uv_loop_s* uv();  // for this folder only
  struct Impl;      // for this folder only

 private:
  std::unique_ptr<Impl> impl_;
};

// The meter of the loop that a libuv handle belongs to; for this folder only.
SliceMeter& slices_of(uv_loop_s* loop);

// Calls back once or repeatedly. Destroying it stops it.
// Threads: the loop's.
class Timer {
 public:
  // `what` names the work in the log if it holds the loop; the text outlives the timer.
  Timer(Loop& loop, const char* what, Task on_time);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Counts from now; a running timer is set again.
  void start_once(int64_t delay_ms);
  void start_every(int64_t interval_ms);
  void stop();
  bool is_running() const;

 private:
  struct Impl;
  Impl* impl_;  // libuv owns it; it deletes itself when the handle is closed
};

}  // namespace server
