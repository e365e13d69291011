// Computes how long commits of tasks wait for a client's append, to become durable in the same
// group commit.
#pragma once
#include <cstdint>

namespace storage {

// A group commit costs two syncs, whatever its size, and a task that has read a client's record
// commits right after it. If clients' records arrive one by one, each record would cost two groups.
// So commits of tasks wait for the next group with a client's append, if such an append is likely
// to arrive soon. A client's append never waits.
//
// Threads: one at a time. Owner: RequestQueue.
class TaskPause {
 public:
  // `limit_us`: longest time that a task commit waits for a client's append; 0 disables waiting.
  explicit TaskPause(int64_t limit_us) : limit_us_(limit_us), usual_gap_us_(4 * limit_us) {}

  // Called when a group with clients' work begins.
  void clients_came(int64_t now_us);
  // Called when the current groups are written. A client that waited for them can send only now, so
  // the time of the sync is not counted as the client's pause.
  void groups_are_written(int64_t now_us);
  // Called when the task commits became due before a client has appended, so their group begins
  // without client work. This makes further pauses unlikely. The reason: a client may wait for the
  // tasks' output before it sends its next record, and would then have to wait for the end of each
  // pause.
  void nobody_came();
  // Returns the time from which task commits without client work are due.
  int64_t due_us() const { return due_us_; }

 private:
  // The weight of the newest gap in the running mean is 1 / kNewestCounts. A gap lasts from the end
  // of a group to the next client's append.
  static constexpr int64_t kNewestCounts = 4;
  // nobody_came() sets the mean gap to this multiple of limit_us_. Clients then have to arrive in
  // time about fifteen times before the next pause.
  static constexpr int64_t kDoubt = 64;

  const int64_t limit_us_;
  int64_t since_us_ = INT64_MIN / 2, due_us_ = INT64_MIN / 2;
  bool is_writing_ = false;  // a group with clients' work is being written
  int64_t usual_gap_us_;
};

}  // namespace storage
