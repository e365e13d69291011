// How long commits of tasks wait for a client's work, to become durable with it.
#pragma once
#include <cstdint>

namespace storage {

// A group costs two syncs however little is in it, and a task that has read a client's record has something
// to commit right behind it: where clients' records come one by one, each would cost two groups. So
// commits of tasks that are alone wait for the group of the next client, when one is likely to come soon. A
// client's own work never waits.
//
// Threads: one at a time. Owner: RequestQueue.
class TaskPause {
 public:
  // Of the commits since the last client came; 0: they never wait.
  explicit TaskPause(int64_t limit_us) : limit_us_(limit_us), usual_gap_us_(4 * limit_us) {}

  // A group with clients' work begins.
  void clients_came(int64_t now_us);
  // The groups that have begun are written: a client that waited for one of them may come again from now on. How long a
  // disk takes is not how long a client does.
  void groups_are_written(int64_t now_us);
  // A group of commits alone begins, since they are due. A client who waits for what the tasks make of its
  // last record, before it sends the next, would wait for the end of the pause each time.
  void nobody_came();
  // Commits that are alone are due from then on.
  int64_t due_us() const { return due_us_; }

 private:
  // Of the time from the end of a group to the next client, as it was lately; the newest counts a quarter.
  static constexpr int64_t kNewestCounts = 4;
  // After a pause in vain clients must come in time fifteen times before the next.
  static constexpr int64_t kDoubt = 64;

  const int64_t limit_us_;
  int64_t since_us_ = INT64_MIN / 2, due_us_ = INT64_MIN / 2;
  bool is_writing_ = false;  // of clients' work
  int64_t usual_gap_us_;
};

}  // namespace storage
