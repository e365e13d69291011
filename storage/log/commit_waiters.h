// Keeps appends that are durable and not yet visible, and answers each of them when the high
// watermarks have passed its batches.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "storage/log/partition.h"
#include "storage/log/requests.h"

namespace storage {

// Threads: any. An append is answered on the thread whose call makes its batches visible; no lock is held then.
class CommitWaiters {
 public:
  // Calls `done` as soon as all of the batches are visible, within this call if they already are.
  void wait(const PartitionMap& partitions, Appended appended, AppendDone done);
  // Called after the partition's high watermark has moved.
  void moved(const Partition& partition);
  // Fails the appends that wait for the partition. Called when their batches will not become
  // visible, or when this node will not learn whether they do.
  void fail(const TopicPartition& partition, const Error& why);
  // Fails the appends that wait for any partition.
  void fail_all(const Error& why);

 private:
  struct Waiting {
    Appended appended;
    AppendDone done;
    // Number of partitions whose high watermark has not yet passed the batches of the append. At 0
    // the append has been answered.
    size_t partitions_left;
  };
  using ByEnd = std::multimap<Offset, std::shared_ptr<Waiting>>;

  std::mutex mutex_;
  absl::flat_hash_map<TopicPartition, ByEnd> waiting_;  // Guarded by mutex_
};

}  // namespace storage
