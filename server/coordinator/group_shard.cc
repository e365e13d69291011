#include "server/coordinator/group_shard.h"

#include <utility>

namespace server::coordinator {

namespace {

constexpr int64_t kSliceUs = 1'000;

}  // namespace

GroupShard::GroupShard(const GroupSettings& settings, CoordinatorPort& port, MemoryBudget& memory,
                       Topics topics, std::function<Uuid()> new_id)
    : settings_(settings), port_(port), size_(memory), around_{settings_,
                                                               port.clock(),
                                                               deadlines_,
                                                               size_,
                                                               std::move(topics),
                                                               std::move(new_id)} {}

GroupShard::~GroupShard() = default;

void GroupShard::lead(PartitionId partition, LeaderEpoch epoch) {
  std::unique_ptr<GroupPartition>& of = partitions_[partition];
  if (!of) of = std::make_unique<GroupPartition>(partition, port_, around_);
  of->lead(epoch);
  if (!expiry_.is_set()) expire_later();
}

void GroupShard::resign_all() {
  for (const auto& [id, partition] : partitions_) partition->resign();
}

GroupPartition* GroupShard::find(PartitionId partition) {
  const auto found = partitions_.find(partition);
  return found == partitions_.end() ? nullptr : found->second.get();
}

void GroupShard::expire_later() {
  expiry_ =
      deadlines_.set(port_.clock().monotonic_us() + settings_.retention_check_ms * 1000, [this] {
        for (const auto& [id, partition] : partitions_) partition->expire();
        expire_later();
      });
}

void GroupShard::run_due() {
  const int64_t begin_us = port_.clock().monotonic_us();
  deadlines_.run_due(begin_us, [&] { return port_.clock().monotonic_us() - begin_us > kSliceUs; });
}

}  // namespace server::coordinator
