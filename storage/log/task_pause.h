// Computes how long commits of tasks wait for the next append of a client, so that both become
// durable in the same group commit.
#pragma once
#include <cstdint>

namespace storage {

// A group commit costs two syncs, whatever its size. A task that has read a client's record commits
// right after the record is durable. If clients' records arrive one at a time, each record would
// therefore cost two group commits. So commits of tasks wait for the next group with a client's
// append, if such an append is likely to arrive soon. A client's append never waits.
//
// Threads: one at a time. Owner: RequestQueue.
class TaskPause {
 public:
  // `limit_us`: longest time that a task commit waits for a client's append; 0 disables waiting.
  explicit TaskPause(int64_t limit_us) : limit_us_(limit_us), usual_gap_us_(4 * limit_us) {}

  // Called when a group with clients' work begins.
  void clients_came(int64_t now_us);
  // Called when the current groups are written. A client that waited for its append can send the
  // next one only now, so the time of the sync is not counted as a pause of the client.
  void groups_are_written(int64_t now_us);
  // Called when the waiting task commits became due before a client appended, so that they are
  // written in a group without client work. This makes further waits less likely. The reason: the
  // client may wait for the output of the tasks before it sends its next record. It would then have
  // to wait until each pause has ended.
  void nobody_came();
  // Returns the time from which task commits without client work are due.
  int64_t due_us() const { return due_us_; }

 private:
  // The weight of the newest gap in the running mean is 1 / kNewestCounts. A gap lasts from the end
  // of a group to the next client's append.
  static constexpr int64_t kNewestCounts = 4;
  // nobody_came() sets the mean gap to this multiple of limit_us_. After that, clients have to
  // append within limit_us_ about fifteen times before commits of tasks wait again.
  static constexpr int64_t kDoubt = 64;

  const int64_t limit_us_;
  int64_t since_us_ = INT64_MIN / 2, due_us_ = INT64_MIN / 2;
  bool is_writing_ = false;  // a group with clients' work is being written
  int64_t usual_gap_us_;
};

}  // namespace storage
