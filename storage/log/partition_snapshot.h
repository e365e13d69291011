// Some partitions of a log as of one moment, to be copied whole to where there is nothing of them.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/log/log.h"

namespace storage {

// Nobody appends to these partitions while it is opened. While it lives, pages of the log are not used again.
//
// Threads: one at a time. Owner: whoever copies; gone before the Log is.
class PartitionSnapshot {
 public:
  struct Head {
    TopicPartition partition;
    Offset start, end;
    LeaderEpoch epoch{0};
    std::string producers;  // ReplicaLog::producer_snapshot()
  };
  // Those that are not there are left out.
  static Result<std::unique_ptr<PartitionSnapshot>> open(
      Log& log, std::span<const TopicPartition> partitions);
  virtual ~PartitionSnapshot() = default;

  virtual const std::vector<Head>& heads() const = 0;
  // Each batch, in order; an error of `visit` ends it.
  using Visit = std::function<Status(std::string_view batch)>;
  virtual Status read(size_t index, const Visit& visit) = 0;
};

}  // namespace storage
