// Running maximum of the event time in a partition, for each of its records. The readers of a time-ordered exchange
// merge by it. It never decreases, so it bounds the times of all later records. If all heads are known, taking the
// smallest gives the order in which a task that read all partitions would take the records by their own times.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace engine {

// Covers the records that a task has taken and not finished; all earlier records are summed up in one time.
//
// Threads: the task's. Owner: the output of its stage.
class RunningTimes {
 public:
  // Adds records, in the order of their offsets and behind all earlier ones. `is_too_far`: whether a time is too far
  // ahead to raise the maximum.
  void note(std::span<const int64_t> offsets, std::span<const int64_t> timestamps,
            const std::function<bool(int64_t)>& is_too_far);
  // Returns the running maximum at each of these records, which are in the order of their offsets and not forgotten.
  std::vector<int64_t> of(std::span<const int64_t> offsets) const;
  // Forgets the records before this offset, which are finished. Returns the greatest time among them, -1 if none.
  int64_t forget_before(int64_t offset);
  // Forgets all records; the next one starts from `time` (-1: from nothing; after a restart the restored time).
  void begin_after(int64_t time) {
    before_ = time;
    steps_.clear();
  }

 private:
  struct Step {
    int64_t offset, time;  // `time` holds from this record on
  };
  int64_t before_ = -1;      // maximum before the first step
  std::vector<Step> steps_;  // offsets and times ascend
};

}  // namespace engine
