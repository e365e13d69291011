// The coordinators of groups, or those of transactions, on one loop. Each partition that the loop
// has led has one.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "server/coordinator/coordinator_port.h"
#include "server/coordinator/deadlines.h"
#include "server/coordinator/state_size.h"

namespace server::coordinator {

// `Around` is the type of the data that the partitions share, such as GroupSurroundings. The
// constructor gets it from `around(deadlines_, size_)`, and it may keep references to both
// arguments.
//
// Threads: one loop. Owner: the owner of the loop. All tasks that were posted to the port must
// have ended before the shard is destroyed.
template <class Partition, class Around>
class CoordinatorShard {
 public:
  using PartitionType = Partition;
  // The shard checks for expired state every `check_ms`.
  CoordinatorShard(CoordinatorPort& port, MemoryBudget& memory, int64_t check_ms,
                   const std::function<Around(Deadlines&, StateSize&)>& around)
      : port_(port), check_ms_(check_ms), size_(memory), around_(around(deadlines_, size_)) {}
  CoordinatorShard(const CoordinatorShard&) = delete;
  CoordinatorShard& operator=(const CoordinatorShard&) = delete;

  void lead(PartitionId partition, LeaderEpoch epoch) {
    find_or_make(partition).lead(epoch);
    if (!expiry_.is_set()) expire_later();
  }
  // Answers all waiting requests with an error that makes the clients look for another coordinator.
  void resign_all() {
    for (const auto& [id, partition] : partitions_) {
      partition->resign();
      if constexpr (requires { partition->end_sessions(); }) partition->end_sessions();
    }
  }
  // Returns null if this loop has never led the partition.
  Partition* find(PartitionId partition) {
    const auto found = partitions_.find(partition);
    return found == partitions_.end() ? nullptr : found->second.get();
  }

  // Returns the partition, which need not be led by this node.
  Partition& find_or_make(PartitionId partition) {
    std::unique_ptr<Partition>& of = partitions_[partition];
    if (!of) of = std::make_unique<Partition>(partition, port_, around_);
    return *of;
  }

  void for_each(const std::function<void(Partition&)>& visit) {
    for (const auto& [id, partition] : partitions_) visit(*partition);
  }

  // Calls `tell` when a deadline is set that is earlier than all others, so that the caller can set
  // its timer again.
  void on_sooner(std::function<void()> tell) { deadlines_.on_sooner(std::move(tell)); }
  // Returns the time of the earliest deadline. run_due() runs due deadlines for about one slice.
  std::optional<int64_t> next_us() const { return deadlines_.next_us(); }
  void run_due() {
    constexpr int64_t kSliceUs = 1'000;
    const int64_t begin_us = port_.clock().monotonic_us();
    deadlines_.run_due(begin_us,
                       [&] { return port_.clock().monotonic_us() - begin_us > kSliceUs; });
  }

  size_t state_bytes() const { return size_.bytes(); }

 private:
  void expire_later() {
    expiry_ = deadlines_.set(port_.clock().monotonic_us() + check_ms_ * 1000, [this] {
      for (const auto& [id, partition] : partitions_) partition->expire();
      expire_later();
    });
  }

  CoordinatorPort& port_;
  const int64_t check_ms_;
  Deadlines deadlines_;
  StateSize size_;
  Around around_;
  Deadline expiry_;
  std::map<PartitionId, std::unique_ptr<Partition>> partitions_;  // destroyed first
};

}  // namespace server::coordinator
