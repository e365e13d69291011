// The running maximum of each record of a partition: the highest event time among this record and all records before
// it. The readers of a time-ordered exchange merge the rows of several lanes by their running maxima. These never
// decrease within a lane, so the maximum of a row is a lower bound for all later rows of the lane. A reader that knows
// the next row of each lane takes the row with the lowest maximum. It thus has the same order of rows as one task that
// reads all partitions and always takes the next record with the lowest event time.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace engine {

// The running maxima of the records that a task has taken and not finished. For all earlier
// records, only the maximum is kept.
//
// Threads: the task's. Owner: the output of its stage.
class RunningTimes {
 public:
  // Adds records in the order of their offsets. Their offsets are greater than those of all records
  // that were added before. `is_too_far` returns whether a time is so far ahead of the clock that
  // it must not raise the maximum.
  void note(std::span<const int64_t> offsets, std::span<const int64_t> timestamps,
            const std::function<bool(int64_t)>& is_too_far);
  // Returns the running maximum at each of these records. They must be in the order of their
  // offsets, and not removed by forget_before().
  std::vector<int64_t> of(std::span<const int64_t> offsets) const;
  // Removes the records before this offset, which are finished. Returns the running maximum at the
  // last of them; -1 if it is unknown.
  int64_t forget_before(int64_t offset);
  // Removes all records. The running maximum then starts from `time`, which is restored after a
  // restart; -1: it is unknown.
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
