// What waits for the log's writer: two lanes, each bounded in bytes, drained alternately.
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
// All else. `apply` may run more than once and changes nothing but the transaction.
struct OtherWork {
  std::function<Status(GroupTransaction&)> apply;
  std::function<void(Status)> done;
  // What it brings, where it does no more than put, append and look up by key: then it may be written later.
  std::optional<size_t> deferrable_bytes = {};
};
using LogWork = std::variant<AppendWork, FollowWork, CommitWork, OtherWork>;

// What they bring into the log; other work is small.
size_t size_of(const FollowRequest& request);
size_t size_of(const TaskCommit& commit);
size_t size_of(std::span<const LogWork> group);

// Who gathers has the writer's role: the writer's thread, with gather(), which has it while it does not wait; and between
// two groups a client's own thread, with gather_alone().
//
// Threads: any number put, one at a time has the role.
class RequestQueue {
 public:
  enum class Lane { Tasks, Clients };  // commits and other work keep their order in the first

  // `task_wait_us`: for how long commits of tasks may wait for a client's work (task_pause.h).
  explicit RequestQueue(size_t limit_bytes, int64_t task_wait_us = 0)
      : limit_bytes_(limit_bytes), task_wait_us_(task_wait_us), pause_(task_wait_us) {}

  enum class Admission { Taken, TakenAlone, Full, Closed };
  // Moves from `work` only when it is taken. An empty lane takes work of any size.
  Admission put(Lane lane, LogWork& work, size_t size_bytes);
  // The same for a client's work whose thread can write. Where it is TakenAlone the writer's thread is not told: whoever put
  // it in calls gather_alone() or nudge() soon.
  Admission put_alone(LogWork& work, size_t size_bytes);
  // For work that is small: not bounded. False when the queue is closed. Thousands of pieces may come
  // at once, so each takes `weight_bytes` of a group.
  bool put_unbounded(LogWork& work, size_t weight_bytes);

  struct Gathered {
    std::vector<LogWork> group;
    std::vector<std::function<void()>> waiters;  // there is room now
    bool is_over = false;                        // closed and drained
  };
  // Waits for work, at most for `patience` when there is one; then takes up to `limit_bytes` of it
  // (at least one piece), from the lane that has given fewer bytes so far. Of tasks a quarter of it,
  // and less while clients are about; nothing while they can wait for a client.
  using Patience = std::optional<std::chrono::milliseconds>;
  Gathered gather(size_t limit_bytes, Patience patience = std::nullopt);
  // Of the same what is there now, by another thread, which has the writer's role then until end_alone(). Nothing where
  // somebody has it, or no client's work is left. Commits of tasks come along only when they have waited for as long as they
  // may for a client, as with them the group is more work.
  std::vector<LogWork> gather_alone(size_t limit_bytes);
  // The writer's thread is to have the role by `nudge_at_us`, if it has not had it before.
  void end_alone(int64_t nudge_at_us = INT64_MAX);
  // Of the steady clock.
  static int64_t now_us();
  // What waits now, in both lanes.
  struct Backlog {
    size_t requests = 0, bytes = 0;
  };
  Backlog backlog() const;
  // Makes a gather() that waits return, with what there is.
  void nudge();
  // Somebody waits for a commit that was put in, or for what tasks make of what was appended: neither waits for a client any
  // more.
  void hurry();

  // `retry` is handed out by the next gather().
  void when_room(std::function<void()> retry);

  void close();

 private:
  struct Slot {
    LogWork work;
    size_t size_bytes;    // of what the lane holds
    size_t weight_bytes;  // of a group
  };
  struct LaneState {
    std::deque<Slot> slots;
    size_t held_bytes = 0;
  };
  LaneState& lane(Lane which) { return lanes_[static_cast<size_t>(which)]; }
  const LaneState& lane(Lane which) const { return lanes_[static_cast<size_t>(which)]; }
  // The last so many groups with clients' work had one piece of it each, and no other came while they were written.
  static constexpr size_t kGroupsAlone = 8;

  Admission put(Lane lane, LogWork& work, size_t size_bytes, bool may_write);
  bool has_news(int64_t now_us) const;
  bool waits_too_long() const;
  std::vector<LogWork> take(size_t limit_bytes, int64_t now_us, bool are_tasks_taken);
  void note_task();
  // Whether those that a thread which is alone could take along have waited for long.
  bool have_tasks_waited(int64_t now_us) const;
  // Whether what is in the tasks' lane waits for no client; false when that is empty.
  bool are_tasks_due(int64_t now_us) const;

  const size_t limit_bytes_;
  const int64_t task_wait_us_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  // Guarded by mutex_
  LaneState lanes_[2];
  std::vector<std::function<void()>> waiters_;
  bool closed_ = false, nudged_ = false;
  bool is_written_alone_ = false;   // by a thread that has the role meanwhile
  bool is_writer_waiting_ = false;  // in gather(): nobody has the role, or a thread that is alone
  bool is_writer_held_up_ = false;  // there, by a thread that is alone
  int64_t writer_waits_until_us_ = INT64_MIN;  // there, when nobody tells it of anything
  int64_t nudge_at_us_ = INT64_MAX;
  bool is_writer_writing_for_clients_ = false;
  int64_t tasks_since_us_ = INT64_MIN / 2;     // when the first of what is in their lane came
  size_t groups_of_one_client_ = 0;            // the last ones
  TaskPause pause_;
  bool hurried_ = false;                          // what is in the tasks' lane
  size_t groups_without_clients_ = SIZE_MAX / 2;  // since a client's work was gathered last
};

}  // namespace storage
