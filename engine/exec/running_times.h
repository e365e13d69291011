// The greatest event time in a partition up to each of its records: by it the readers of a time-ordered
// exchange merge. It never goes back, whatever the records' times do, so it bounds what is still to come; and
// where all heads are known, taking the least gives the order in which a task that read all partitions
// would take the records by their own times.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace engine {

// Of the records that a task has taken and not done, and of all before them.
//
// Threads: the task's. Owner: the output of its stage.
class RunningTimes {
 public:
  // These records were taken, in the order of their offsets, behind all others. `is_too_far`: whether a time
  // moves nothing.
  void note(std::span<const int64_t> offsets, std::span<const int64_t> timestamps,
            const std::function<bool(int64_t)>& is_too_far);
  // For each of these records, which come in the order of their offsets and are not forgotten.
  std::vector<int64_t> of(std::span<const int64_t> offsets) const;
  // The records before this one are done. Returns the greatest time among them, -1 where there was none.
  int64_t forget_before(int64_t offset);
  // All is done, and the next record begins anew; or goes on behind such a time, after a restart.
  void begin_after(int64_t time) {
    before_ = time;
    steps_.clear();
  }

 private:
  struct Step {
    int64_t offset, time;  // from the record on it is this
  };
  int64_t before_ = -1;      // before the first step
  std::vector<Step> steps_;  // offsets and times grow
};

}  // namespace engine
