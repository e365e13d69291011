#include "storage/log/commit_waiters.h"

#include <utility>

namespace storage {

void CommitWaiters::wait(const PartitionMap& partitions, Appended appended, AppendDone done) {
  // Once the last batch of a partition is visible, all batches before it are visible, too. So one
  // offset for each partition is enough.
  std::map<TopicPartition, Offset> ends;
  for (const AppendedBatch& batch : appended.batches) {
    Offset& end = ends[batch.partition];
    end = std::max(end, batch.last_offset + 1);
  }
  bool is_led_elsewhere = false;
  {
    // The high watermarks are read under the lock. moved() takes the same lock after each advance,
    // so no advance is missed.
    std::lock_guard lock(mutex_);
    std::erase_if(ends, [&](const auto& end) {
      const auto* partition = partitions.find(end.first);
      if (partition == nullptr || (*partition)->high_watermark() >= end.second) return true;
      // A later request of the same commit has made this node a follower, so this node cannot find
      // out whether the batch becomes visible.
      is_led_elsewhere |= (*partition)->role() == ReplicaRole::Follower;
      return false;
    });
    if (!ends.empty() && !is_led_elsewhere) {
      const auto waiting =
          std::make_shared<Waiting>(std::move(appended), std::move(done), ends.size());
      for (const auto& [partition, end] : ends) waiting_[partition].emplace(end, waiting);
      return;
    }
  }
  if (is_led_elsewhere)
    return done(Error{ErrorCode::NotLeader, "another node is now the leader of the partition"});
  done(std::move(appended));
}

void CommitWaiters::moved(const Partition& partition) {
  std::vector<std::shared_ptr<Waiting>> due;
  {
    std::lock_guard lock(mutex_);
    const auto found = waiting_.find(partition.id());
    if (found == waiting_.end()) return;
    ByEnd& by_end = found->second;
    const auto end = by_end.upper_bound(partition.high_watermark());
    for (auto at = by_end.begin(); at != end; ++at)
      if (at->second->partitions_left > 0 && --at->second->partitions_left == 0)
        due.push_back(std::move(at->second));
    by_end.erase(by_end.begin(), end);
    if (by_end.empty()) waiting_.erase(found);
  }
  for (const auto& waiting : due) waiting->done(std::move(waiting->appended));
}

void CommitWaiters::fail(const TopicPartition& partition, const Error& why) {
  std::vector<std::shared_ptr<Waiting>> failed;
  {
    std::lock_guard lock(mutex_);
    const auto found = waiting_.find(partition);
    if (found == waiting_.end()) return;
    for (auto& [end, waiting] : found->second)
      if (std::exchange(waiting->partitions_left, 0) > 0) failed.push_back(std::move(waiting));
    waiting_.erase(found);
  }
  for (const auto& waiting : failed) waiting->done(why);
}

void CommitWaiters::fail_all(const Error& why) {
  std::vector<TopicPartition> partitions;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [partition, by_end] : waiting_) partitions.push_back(partition);
  }
  for (const TopicPartition& partition : partitions) fail(partition, why);
}

}  // namespace storage
