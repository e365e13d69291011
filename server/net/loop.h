// One thread that waits for sockets, timers and messages, and runs what belongs to it in turn.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

struct uv_loop_s;

namespace server {

class SliceMeter;
using Task = std::function<void()>;

// Stopping, from the outside in: stop() makes run() return; then the owner destroys what lives on
// the loop (listeners first: they refuse new work), and at last the loop, which waits for libuv to
// let go of all handles. Tasks posted after stop() are destroyed without being run.
//
// Threads: post() and stop() from any; all else from the thread in run(), the one that runs the loop for it meanwhile
//          (run_when_idle.h), or from the owner's while nobody is in run().
// Queues:  the mailbox has no limit of its own: whoever posts for the sake of a client is bounded by
//          that client's buffers.
class Loop {
 public:
  // The name is for the log.
  explicit Loop(std::string name = "loop");
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs on the loop's thread soon, in the order of the calls.
  void post(Task task);
  // While it lives, what its thread posts wakes each loop once: at the end, or when a lot has come. For
  // who has something to tell to many at a time: a loop that is woken by the first word takes it, goes
  // to sleep, and is woken by the second. One at a time on a thread; it must not outlive the loops.
  class WakesTogether {
   public:
    WakesTogether();
    ~WakesTogether();
    WakesTogether(const WakesTogether&) = delete;
    WakesTogether& operator=(const WakesTogether&) = delete;
  };
  // For work that comes in slices: one of them runs in each turn of the loop, between which sockets and
  // messages have theirs. So a message waits for one slice, however many there are. On the loop's thread.
  // `what` it does is named in the log when it holds the loop; the text outlives it.
  void post_slice(const char* what, Task task);
  // The same for who has worked for a slice and has more to do. Other threads that wait for the core
  // get it first: a loop that never waits keeps it until the scheduler's next tick, up to 4 ms, for
  // which the log's writer and clients on the same machine would stand still.
  void post_rest(const char* what, Task task);
  // Runs when the callbacks of this turn are done, before the loop waits again.
  void defer(Task task);

  // Until stop(). May be called again afterwards.
  void run();
  void stop();
  // Whether the caller is on the loop's thread.
  bool is_here() const;

  // Whether a socket or a message waits for its turn. A system call of less than a microsecond.
  bool has_waiting() const;
  // Whether who works in slices has had enough of one: the shorter time where others wait.
  struct SliceLength {
    int64_t short_us, long_us;
  };
  bool is_slice_over(int64_t taken_us, SliceLength length) const {
    return taken_us >= length.long_us || (taken_us >= length.short_us && has_waiting());
  }

  // How long its callbacks hold it.
  SliceMeter& slices();

  uv_loop_s* uv();  // for this folder
  struct Impl;      // likewise

 private:
  std::unique_ptr<Impl> impl_;
};

// Of the loop that a handle of libuv belongs to; for this folder.
SliceMeter& slices_of(uv_loop_s* loop);

// Calls back once or again and again. Destroying it stops it.
// Threads: the loop's.
class Timer {
 public:
  // `what` it does is named in the log when it holds the loop; the text outlives the timer.
  Timer(Loop& loop, const char* what, Task on_time);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // From now; a timer that runs is set anew.
  void start_once(int64_t delay_ms);
  void start_every(int64_t interval_ms);
  void stop();
  bool is_running() const;

 private:
  struct Impl;
  Impl* impl_;  // libuv holds on to it until the handle is closed, then it deletes itself
};

}  // namespace server
