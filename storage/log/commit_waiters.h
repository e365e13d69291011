// Appends that are durable but not yet visible: they are answered when the high watermark has
// passed them.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "storage/log/partition.h"
#include "storage/log/requests.h"

namespace storage {

// Threads: any. An append is answered on the thread that makes it due, outside the lock.
class CommitWaiters {
 public:
  // Calls `done` as soon as all of the batches are visible, within this call if they already are.
  void wait(const PartitionMap& partitions, Appended appended, AppendDone done);
  // Called after the partition's high watermark has moved.
  void moved(const Partition& partition);
  // Fails the appends that wait for the partition: they will not become visible, or this node will
  // not learn of it.
  void fail(const TopicPartition& partition, const Error& why);
  // Fails the appends that wait for any partition.
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
