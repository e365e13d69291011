// Numbers the log partitions of an exchange. Writing tasks and reading tasks are numbered from 0.
// The partitions depend on the order in which the readers take the rows:
//
//   order of appending      one partition for each reader; all writers append to it
//   order of event time     a lane for each pair of writer and reader, and one partition for each writer's progress:
//
//                 reader 0   reader 1   progress
//      writer 0   0          1          2
//      writer 1   3          4          5          a writer that is added later follows all others
#pragma once
#include <cstdint>

#include "base/ids.h"
#include "engine/plan/plan.h"

namespace engine {

class ExchangeLanes {
 public:
  explicit ExchangeLanes(const ExchangePlan& plan)
      : readers_(plan.partitions), is_time_ordered_(plan.is_time_ordered) {}

  int32_t partition_count(int32_t writers) const {
    return is_time_ordered_ ? writers * (readers_ + 1) : readers_;
  }
  // Returns the first partition of the writer. A writer has a lane for each reader, followed by one
  // partition for its progress.
  int32_t first_of(int32_t writer) const { return is_time_ordered_ ? writer * (readers_ + 1) : 0; }
  PartitionId lane(int32_t writer, int32_t reader) const {
    return PartitionId(first_of(writer) + reader);
  }
  // Returns the partition of the writer's progress. Call for time-ordered exchanges only.
  PartitionId progress_of(int32_t writer) const { return PartitionId(first_of(writer) + readers_); }
  bool is_time_ordered() const { return is_time_ordered_; }

 private:
  int32_t readers_;
  bool is_time_ordered_;
};

}  // namespace engine
