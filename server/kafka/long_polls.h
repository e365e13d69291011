// Which sessions of a loop wait for which partitions.
#pragma once
#include <absl/container/flat_hash_map.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "server/net/loop.h"
#include "storage/log/topic_partition.h"

namespace server::kafka {

class Session;

// Threads: the loop's, but for grown(). Shared with what is posted to the loop.
class LongPolls : public std::enable_shared_from_this<LongPolls> {
 public:
  explicit LongPolls(Loop& loop) : loop_(loop) {}

  // A session is here from before its first look at the log until its end.
  void attach() { ++sessions_; }
  void detach() { --sessions_; }
  void await(Session& session, std::span<const storage::TopicPartition> partitions);
  void forget(Session& session, std::span<const storage::TopicPartition> partitions);
  // These partitions have new records, or are gone: who waits for them looks again. Any thread.
  void grown(std::span<const storage::TopicPartition> partitions);

 private:
  void take_grown();

  Loop& loop_;
  std::atomic<size_t> sessions_ = 0;
  absl::flat_hash_map<storage::TopicPartition, std::vector<Session*>> waiting_;

  std::mutex mutex_;
  // Guarded by mutex_
  std::vector<storage::TopicPartition> grown_;
};

}  // namespace server::kafka
