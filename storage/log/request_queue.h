// The requests that wait for the log's writer: two lanes, each bounded in bytes, drained
// alternately.
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
// All other work. `apply` may run more than once and changes nothing except the transaction.
struct OtherWork {
  std::function<Status(GroupTransaction&)> apply;
  std::function<void(Status)> done;
  // The size of the work, if it only puts, appends and looks up by key: its pages may then be
  // written later.
  std::optional<size_t> deferrable_bytes = {};
};
using LogWork = std::variant<AppendWork, FollowWork, CommitWork, OtherWork>;

// Returns the bytes that the work adds to the log. Other work counts with its deferrable_bytes.
size_t size_of(const FollowRequest& request);
size_t size_of(const TaskCommit& commit);
size_t size_of(std::span<const LogWork> group);

// Queues work for the thread that has the writer's role. This is the writer's thread, which calls
// gather(), except while it waits there: between two groups a client's thread may take the role
// with gather_alone().
//
// Threads: any may put; one at a time has the role.
class RequestQueue {
 public:
  enum class Lane { Tasks, Clients };  // commits and other work keep their order in Tasks

  // `task_wait_us`: how long commits of tasks may wait for a client's work (task_pause.h).
  explicit RequestQueue(size_t limit_bytes, int64_t task_wait_us = 0)
      : limit_bytes_(limit_bytes), task_wait_us_(task_wait_us), pause_(task_wait_us) {}

  enum class Admission { Taken, TakenAlone, Full, Closed };
  // Queues work, and moves from `work` only if it is taken. An empty lane takes work of any size.
  Admission put(Lane lane, LogWork& work, size_t size_bytes);
  // Like put(), for a client whose thread can write. After TakenAlone the writer's thread is not
  // woken: the caller must call gather_alone() or nudge() soon.
  Admission put_alone(LogWork& work, size_t size_bytes);
  // Queues small work without a limit. Returns false if the queue is closed. Thousands of pieces
  // may arrive together, so each takes `weight_bytes` of a group.
  bool put_unbounded(LogWork& work, size_t weight_bytes);

  struct Gathered {
    std::vector<LogWork> group;
    std::vector<std::function<void()>> waiters;  // to call, since the queue has space now
    bool is_over = false;                        // closed and drained
  };
  // Waits for work, at most for `patience` if it is set; then takes up to `limit_bytes` of it (at
  // least one piece), from the lane that has given fewer bytes so far. Tasks get at most a quarter
  // of `limit_bytes`, less while clients append, and nothing while they can wait for a client.
  using Patience = std::optional<std::chrono::milliseconds>;
  Gathered gather(size_t limit_bytes, Patience patience = std::nullopt);
  // Takes the work that is queued now, for a client's thread, which then has the writer's role
  // until end_alone(). Returns nothing if another thread has the role, or if no client's work is
  // left. Commits of tasks are taken only if they have waited for a client as long as they may,
  // since they make the group larger.
  std::vector<LogWork> gather_alone(size_t limit_bytes);
  // Returns the role. The writer's thread gets it by `nudge_at_us` at the latest.
  void end_alone(int64_t nudge_at_us = INT64_MAX);
  // Returns the time of the steady clock.
  static int64_t now_us();
  // The work that is queued in both lanes.
  struct Backlog {
    size_t requests = 0, bytes = 0;
  };
  Backlog backlog() const;
  // Makes a waiting gather() return with the queued work.
  void nudge();
  // Called when a caller waits for a queued commit, or for the output of tasks that read the
  // appended records. Neither waits for a client any longer.
  void hurry();

  // Passes `retry` to the next gather(), which returns it.
  void when_room(std::function<void()> retry);

  void close();

 private:
  struct Slot {
    LogWork work;
    size_t size_bytes;    // counted against the lane's limit
    size_t weight_bytes;  // counted against a group's limit
  };
  struct LaneState {
    std::deque<Slot> slots;
    size_t held_bytes = 0;
  };
  LaneState& lane(Lane which) { return lanes_[static_cast<size_t>(which)]; }
  const LaneState& lane(Lane which) const { return lanes_[static_cast<size_t>(which)]; }
  // A client counts as alone after this many groups that had one piece of client work each, if no
  // other arrived while they were written.
  static constexpr size_t kGroupsAlone = 8;

  Admission put(Lane lane, LogWork& work, size_t size_bytes, bool may_write);
  bool has_news(int64_t now_us) const;
  bool waits_too_long() const;
  std::vector<LogWork> take(size_t limit_bytes, int64_t now_us, bool are_tasks_taken);
  void note_task();
  // Returns whether a client's thread that is alone should take the queued task commits along: they
  // have waited for long.
  bool have_tasks_waited(int64_t now_us) const;
  // Returns whether the work in the tasks' lane waits for no client; false if the lane is empty.
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
  bool is_writer_waiting_ = false;  // in gather(): the role is free, or a client's thread has it
  bool is_writer_held_up_ = false;  // in gather(), because a client's thread has the role
  int64_t writer_waits_until_us_ = INT64_MIN;  // in gather(), unless it is woken before
  int64_t nudge_at_us_ = INT64_MAX;
  bool is_writer_writing_for_clients_ = false;
  int64_t tasks_since_us_ = INT64_MIN / 2;     // time at which the first work in the tasks' lane
                                               // arrived
  size_t groups_of_one_client_ = 0;            // in a row, until now
  TaskPause pause_;
  bool hurried_ = false;                          // the work in the tasks' lane does not wait
  size_t groups_without_clients_ = SIZE_MAX / 2;  // since a client's work was gathered last
};

}  // namespace storage
