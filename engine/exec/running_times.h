// Running maximum of the event time in a partition, for each of its records. The readers of a time-ordered exchange
// merge rows by this time. It never decreases, so it bounds the times of all later records. If the next row of each
// lane is known, taking the row with the smallest time gives the order in which one task that read all partitions
// would take the records by their own times.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace engine {

// Running maxima of the records that a task has taken and not finished. The maximum of all earlier records is kept as
// one time.
//
// Threads: the task's. Owner: the output of its stage.
class RunningTimes {
 public:
  // Adds records in the order of their offsets; all of them follow the earlier ones. `is_too_far` returns whether a
  // time is too far ahead to raise the maximum.
  void note(std::span<const int64_t> offsets, std::span<const int64_t> timestamps,
            const std::function<bool(int64_t)>& is_too_far);
  // Returns the running maximum at each of these records, which must be in the order of their offsets and not
  // forgotten.
  std::vector<int64_t> of(std::span<const int64_t> offsets) const;
  // Forgets the records before this offset, which are finished. Returns the running maximum at the last of them, or
  // -1 if no time is known.
  int64_t forget_before(int64_t offset);
  // Forgets all records. The running maximum starts again from `time`: -1 for none, or the restored time after a
  // restart.
  void begin_after(int64_t time) {
    before_ = time;
    steps_.clear();
  }

 private:
  struct Step {
    int64_t offset, time;  // from this record on, `time` is the maximum
  };
  int64_t before_ = -1;      // maximum before the first step
  std::vector<Step> steps_;  // offsets and times ascend
};

}  // namespace engine
