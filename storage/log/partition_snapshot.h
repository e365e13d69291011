// A snapshot of some partitions of a log, which is copied as a whole to a log that has none of
// their records.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/log/log.h"

namespace storage {

// Precondition: nothing is appended to these partitions while open() runs. As long as the object
// exists, it holds a read transaction, so the store cannot reuse pages that are freed meanwhile.
//
// Threads: one at a time. Owner: the copying task; destroyed before the Log.
class PartitionSnapshot {
 public:
  struct Head {
    TopicPartition partition;
    Offset start;  // base offset of the first batch, which may lie before the log start
    Offset end;
    LeaderEpoch epoch{0};
    // states of the producers, as ReplicaLog::producer_snapshot() returns them
    std::string producers;
  };
  // Opens a snapshot. Partitions that do not exist are omitted.
  static Result<std::unique_ptr<PartitionSnapshot>> open(
      Log& log, std::span<const TopicPartition> partitions);
  virtual ~PartitionSnapshot() = default;

  virtual const std::vector<Head>& heads() const = 0;
  // Visits each batch, in order; stops at the first error of `visit`.
  using Visit = std::function<Status(std::string_view batch)>;
  virtual Status read(size_t index, const Visit& visit) = 0;
};

}  // namespace storage
