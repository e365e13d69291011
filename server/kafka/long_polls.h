// Which sessions of a loop wait for which partitions.
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

// A loop is woken for partitions that sessions of it wait for, and for no others. A session that has come
// to wait looks at the log once more: what became durable before is seen then, what comes later wakes it.
//
// Threads: the loop's, but for grown(). Shared with what is posted to the loop.
class LongPolls : public std::enable_shared_from_this<LongPolls> {
 public:
  explicit LongPolls(Loop& loop) : loop_(loop) {}

  void await(Session& session, std::span<const storage::TopicPartition> partitions);
  void forget(Session& session, std::span<const storage::TopicPartition> partitions);
  // These partitions have new records, or are gone: who waits for them looks again. Any thread.
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
