// Appends that are durable and not yet visible: their answers wait for the high watermark.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "storage/log/partition.h"
#include "storage/log/requests.h"

namespace storage {

// Threads: any. Answers are given on the thread that makes them due, outside the lock.
class CommitWaiters {
 public:
  // Answers as soon as all of the batches are visible, at once when they are.
  void wait(const PartitionMap& partitions, Appended appended, AppendDone done);
  // The partition's high watermark has moved.
  void moved(const Partition& partition);
  // What waits for the partition will not be visible, or nobody here will know when.
  void fail(const TopicPartition& partition, const Error& why);
  // The same for all partitions.
  void fail_all(const Error& why);

 private:
  struct Waiting {
    Appended appended;
    AppendDone done;
    size_t partitions_left;  // 0: answered
  };
  using ByEnd = std::multimap<Offset, std::shared_ptr<Waiting>>;

  std::mutex mutex_;
  absl::flat_hash_map<TopicPartition, ByEnd> waiting_;  // Guarded by mutex_
};

}  // namespace storage
