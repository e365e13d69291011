// Computes how long commits of tasks wait for a client's work, to become durable with it.
#pragma once
#include <cstdint>

namespace storage {

// A group costs two syncs however small it is, and a task that has read a client's record commits
// right after it. If clients' records arrive one by one, each record would cost two groups. So
// commits of tasks without client work wait for the group of the next client, if one is likely to
// arrive soon. A client's own work never waits.
//
// Threads: one at a time. Owner: RequestQueue.
class TaskPause {
 public:
  // `limit_us`: longest time that a task commit waits for a client's append; 0 disables waiting.
  explicit TaskPause(int64_t limit_us) : limit_us_(limit_us), usual_gap_us_(4 * limit_us) {}

  // Called when a group with clients' work begins.
  void clients_came(int64_t now_us);
  // Called when the current groups are written: only now may a client that waited for them send
  // again, so the time of the disk does not count as the client's.
  void groups_are_written(int64_t now_us);
  // Called when a group with task commits only begins, because they are due. A client that waits
  // for the tasks' output of its last record, before it sends the next, would otherwise wait for
  // the end of the pause each time.
  void nobody_came();
  // Returns the time from which task commits without client work are due.
  int64_t due_us() const { return due_us_; }

 private:
  // Weight 1/4 for the newest time from the end of a group to the next client, in the running mean.
  static constexpr int64_t kNewestCounts = 4;
  // After a pause in vain, clients must arrive in time about fifteen times before the next pause.
  static constexpr int64_t kDoubt = 64;

  const int64_t limit_us_;
  int64_t since_us_ = INT64_MIN / 2, due_us_ = INT64_MIN / 2;
  bool is_writing_ = false;  // a group with clients' work
  int64_t usual_gap_us_;
};

}  // namespace storage
