// The requests that wait for the log's writer, in two queues (lanes). Each lane is bounded in
// bytes, and the writer takes from both in alternation.
#pragma once
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "storage/log/requests.h"
#include "storage/log/task_pause.h"

namespace storage {

class GroupTransaction;

struct AppendWork {
  AppendRequest request;
  AppendDone done;
};
struct FollowWork {
  FollowRequest request;
  AppendDone done;
};
struct CommitWork {
  TaskCommit commit;
  AppendDone done;
};
// A request that has no type of its own. `apply` may run more than once, and must change nothing
// except the transaction.
struct OtherWork {
  std::function<Status(GroupTransaction&)> apply;
  std::function<void(Status)> done;
  // The size in bytes of the writes, if `apply` only puts, appends and looks up by key. The pages
  // of such work may be written after the commit. Nothing: the pages must be written with the
  // commit.
  std::optional<size_t> deferrable_bytes = {};
};
using LogWork = std::variant<AppendWork, FollowWork, CommitWork, OtherWork>;

// Return the number of bytes that the work adds to the log. For an OtherWork it is
// deferrable_bytes, or 0 if this member is empty.
size_t size_of(const FollowRequest& request);
size_t size_of(const TaskCommit& commit);
size_t size_of(std::span<const LogWork> group);

// Queues work for the thread that has the writer's role. Normally this is the writer's thread,
// which calls gather(). While that thread waits in gather(), a client's thread may take the role
// for one group with gather_alone().
//
// Threads: any may put; one thread at a time has the role.
class RequestQueue {
 public:
  // Tasks has CommitWork and OtherWork, in the order in which they were queued. Clients has AppendWork and FollowWork.
  enum class Lane { Tasks, Clients };

  // `task_wait_us` is how long commits of tasks may wait for a client's work (task_pause.h).
  explicit RequestQueue(size_t limit_bytes, int64_t task_wait_us = 0)
      : limit_bytes_(limit_bytes), task_wait_us_(task_wait_us), pause_(task_wait_us) {}

  enum class Admission { Taken, TakenAlone, Full, Closed };
  // Queues work. Moves from `work` only if the work is taken. An empty lane takes work of any size.
  Admission put(Lane lane, LogWork& work, size_t size_bytes);
  // Queues the work of a client whose own thread can write it. If the result is TakenAlone, the
  // writer's thread is not woken: the caller must call gather_alone() or nudge() soon.
  Admission put_alone(LogWork& work, size_t size_bytes);
  // Queues small work without regard to the lane's limit. Returns false if the queue is closed.
  // `weight_bytes` is counted against the limit of a commit group, so that thousands of such pieces
  // do not become one group.
  bool put_unbounded(LogWork& work, size_t weight_bytes);

  struct Gathered {
    std::vector<LogWork> group;
    std::vector<std::function<void()>> waiters;  // callers of when_room(), to be called now
    bool is_over = false;                        // the queue is closed and empty
  };
  // Waits for work, for at most `patience` if it is set. Then takes up to `limit_bytes` of work,
  // but at least one piece. It takes each piece from the lane that has given fewer bytes to the
  // group so far. The lane Tasks gives at most a quarter of `limit_bytes`, and less while clients
  // append. It gives nothing while its commits may still wait for a client's append (task_pause.h).
  using Patience = std::optional<std::chrono::milliseconds>;
  Gathered gather(size_t limit_bytes, Patience patience = std::nullopt);
  // Gives the writer's role to a client's thread until end_alone(), and returns the work that is
  // queued now. Returns nothing, and does not give the role, if another thread has the role or no
  // client's work is queued. Task commits are included only if they have waited for a client's
  // append for as long as they may (task_pause.h), because they make the group larger and so delay
  // the client.
  std::vector<LogWork> gather_alone(size_t limit_bytes);
  // Gives the role back. The writer's thread takes it by `nudge_at_us` at the latest.
  void end_alone(int64_t nudge_at_us = INT64_MAX);
  // Returns the current time of the steady clock.
  static int64_t now_us();
  // The requests that wait in both lanes, and their bytes.
  struct Backlog {
    size_t requests = 0, bytes = 0;
  };
  Backlog backlog() const;
  // Makes gather() return with the queued work if it is waiting.
  void nudge();
  // Called when a caller waits for a queued task commit, or for the output of tasks that read the
  // appended records. The queued task commits then no longer wait for a client's append.
  void hurry();

  // Passes `retry` to the next gather(), which returns it.
  void when_room(std::function<void()> retry);

  void close();

 private:
  struct Slot {
    LogWork work;
    size_t size_bytes;    // counted against the lane's limit
    size_t weight_bytes;  // counted against the limit of a commit group
  };
  struct LaneState {
    std::deque<Slot> slots;
    size_t held_bytes = 0;
  };
  LaneState& lane(Lane which) { return lanes_[static_cast<size_t>(which)]; }
  const LaneState& lane(Lane which) const { return lanes_[static_cast<size_t>(which)]; }
  // After this number of consecutive groups with one piece of client work each, the queue assumes
  // that only one client appends.
  static constexpr size_t kGroupsAlone = 8;

  Admission put(Lane lane, LogWork& work, size_t size_bytes, bool may_write);
  bool has_news(int64_t now_us) const;
  bool waits_too_long() const;
  std::vector<LogWork> take(size_t limit_bytes, int64_t now_us, bool are_tasks_taken);
  void note_task();
  // Returns whether the queued task commits have waited so long that a client's thread with the
  // writer's role should write them, too.
  bool have_tasks_waited(int64_t now_us) const;
  // Returns whether the work in the lane Tasks no longer has to wait for a client's append; false
  // if the lane is empty.
  bool are_tasks_due(int64_t now_us) const;

  const size_t limit_bytes_;
  const int64_t task_wait_us_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  // Guarded by mutex_
  LaneState lanes_[2];
  std::vector<std::function<void()>> waiters_;
  bool closed_ = false, nudged_ = false;
  bool is_written_alone_ = false;   // a client's thread has the role
  bool is_writer_waiting_ = false;  // the writer's thread is in gather()
  bool is_writer_held_up_ = false;  // it waits only because a client's thread has the role
  // end of the wait in gather() if nothing wakes the writer's thread
  int64_t writer_waits_until_us_ = INT64_MIN;
  int64_t nudge_at_us_ = INT64_MAX;
  bool is_writer_writing_for_clients_ = false;
  int64_t tasks_since_us_ = INT64_MIN / 2;  // arrival of the first work in the lane Tasks
  size_t groups_of_one_client_ = 0;  // consecutive groups until now with one piece of client work
  TaskPause pause_;
  // hurry() was called: the work in the lane Tasks no longer waits
  bool hurried_ = false;
  size_t groups_without_clients_ = SIZE_MAX / 2;  // groups since the last one with a client's work
};

}  // namespace storage
