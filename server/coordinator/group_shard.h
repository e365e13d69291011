// The coordinators of one loop.
#pragma once
#include <map>
#include <memory>
#include <optional>

#include "server/coordinator/group_partition.h"

namespace server::coordinator {

// Threads: one loop's. Owner: whoever has the loop; what was posted by the port is gone before it.
class GroupShard {
 public:
  using Topics = std::function<std::shared_ptr<const storage::TopicSnapshot>()>;
  GroupShard(const GroupSettings& settings, CoordinatorPort& port, MemoryBudget& memory,
             Topics topics, std::function<Uuid()> new_id);
  ~GroupShard();
  GroupShard(const GroupShard&) = delete;
  GroupShard& operator=(const GroupShard&) = delete;

  void lead(PartitionId partition, LeaderEpoch epoch);
  // Everybody who waits is told to look for another coordinator.
  void resign_all();
  // Null when this loop never led it.
  GroupPartition* find(PartitionId partition);

  // When something is to be done; run_due() does about a slice of it.
  std::optional<int64_t> next_us() const { return deadlines_.next_us(); }
  void run_due();

  size_t state_bytes() const { return size_.bytes(); }

 private:
  void expire_later();

  const GroupSettings settings_;
  CoordinatorPort& port_;
  Deadlines deadlines_;
  StateSize size_;
  GroupSurroundings around_;
  Deadline expiry_;
  std::map<PartitionId, std::unique_ptr<GroupPartition>> partitions_;  // goes first
};

}  // namespace server::coordinator
