// An event loop: one thread waits for sockets, timers and messages, and runs their callbacks one
// after the other.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

struct uv_loop_s;

namespace server {

class SliceMeter;
using Task = std::function<void()>;

// Stopping: stop() makes run() return. Then the owner destroys the objects on the loop (listeners
// first, so that no new work arrives), and finally the loop, whose destructor waits until libuv has
// closed all handles. Tasks posted after stop() are destroyed without running.
//
// Threads: post() and stop() from any thread; all other functions from the thread in run(), from
//          the thread that runs the loop in its place (run_when_idle.h), or from the owner's thread
//          while no thread is in run().
// Queues:  the mailbox has no limit. The buffers of a client bound the posts on behalf of that
//          client.
class Loop {
 public:
  // `name` is used in the log.
  explicit Loop(std::string name = "loop");
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs the task on the loop's thread soon, in the order of the calls.
  void post(Task task);
  // Collects wake-ups for code that posts to many receivers. While the object exists, posts of its
  // thread wake each loop only once: when the object is destroyed, or after HeldWakes::kMostPosts
  // posts. Without it, a loop wakes for the first post, handles it, goes to sleep, and is woken by
  // the second post. A thread may have one object at a time, which must not outlive the loops.
  class WakesTogether {
   public:
    WakesTogether();
    ~WakesTogether();
    WakesTogether(const WakesTogether&) = delete;
    WakesTogether& operator=(const WakesTogether&) = delete;
  };
  // Runs one slice of longer work. One slice runs in each loop iteration, so sockets and messages
  // are handled between slices, and a message waits for one slice only. To be called on the loop's
  // thread. `what` names the work in the log if the slice takes too long; the text must outlive the
  // work.
  void post_slice(const char* what, Task task);
  // Posts the rest of a longer work after one of its slices is done. After that task has run, the
  // loop yields the core to other threads. Without this, a loop that always has work would keep the
  // core until the scheduler's next tick, up to 4 ms, and the thread that writes the log and the
  // clients on the same machine would have to wait for this time.
  void post_rest(const char* what, Task task);
  // Runs the task when the callbacks of this loop iteration are done, before the loop waits again.
  void defer(Task task);

  // Runs the loop until stop(). May be called again afterwards.
  void run();
  void stop();
  // Returns whether the caller is on the loop's thread.
  bool is_here() const;

  // Returns whether a socket or a message is waiting to be handled. Costs a system call of less
  // than a microsecond.
  bool has_waiting() const;
  // The time after which work in slices lets the loop do other work: `short_us` if other events wait for the loop,
  // otherwise `long_us`.
  struct SliceLength {
    int64_t short_us, long_us;
  };
  bool is_slice_over(int64_t taken_us, SliceLength length) const {
    return taken_us >= length.long_us || (taken_us >= length.short_us && has_waiting());
  }

  // Measures how long callbacks hold the loop.
  SliceMeter& slices();

  uv_loop_s* uv();  // for files of this folder only
  struct Impl;      // for files of this folder only

 private:
  std::unique_ptr<Impl> impl_;
};

// Returns the SliceMeter of the loop to which a libuv handle belongs. Used only in this folder.
SliceMeter& slices_of(uv_loop_s* loop);

// Calls back once or repeatedly. The destructor stops the timer.
// Threads: one loop.
class Timer {
 public:
  // `what` names the callback in the log if it takes too long; the text must outlive the timer.
  Timer(Loop& loop, const char* what, Task on_time);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Starts the timer. The delay counts from now. A running timer is set again.
  void start_once(int64_t delay_ms);
  void start_every(int64_t interval_ms);
  void stop();
  bool is_running() const;

 private:
  struct Impl;
  Impl* impl_;  // libuv owns it; it deletes itself when the handle is closed
};

}  // namespace server
