// Holds the sessions of a loop that wait for records, by partition.
#pragma once
#include <absl/container/flat_hash_map.h>

#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "server/net/loop.h"
#include "storage/log/topic_partition.h"

namespace server::kafka {

class Session;

// A loop is woken only for partitions that its sessions wait for. After a session has registered
// here, it reads the log once more. So it misses no record: this read finds all records that
// arrived before the registration, and a later record wakes the session.
//
// Threads: one loop, except grown(). Shared with tasks that are posted to the loop.
class LongPolls : public std::enable_shared_from_this<LongPolls> {
 public:
  explicit LongPolls(Loop& loop) : loop_(loop) {}

  void await(Session& session, std::span<const storage::TopicPartition> partitions);
  void forget(Session& session, std::span<const storage::TopicPartition> partitions);
  // Wakes the sessions that wait for these partitions, which have new records or were deleted. Any
  // thread.
  void grown(std::span<const storage::TopicPartition> partitions);

 private:
  void take_grown();

  Loop& loop_;

  std::mutex mutex_;
  // Guarded by mutex_
  absl::flat_hash_map<storage::TopicPartition, std::vector<Session*>> waiting_;
  std::vector<storage::TopicPartition> grown_;
};

}  // namespace server::kafka
