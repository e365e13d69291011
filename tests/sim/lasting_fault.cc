#include "tests/sim/lasting_fault.h"

#include <fmt/format.h>

#include <algorithm>

namespace sim {

namespace {

// Longer than any part of the simulation waits for a frozen node.
constexpr int64_t kFrozenUs = 10'000'000;

}  // namespace

void LastingFault::begin() {
  node_ = world_.chance.one_of(world_.nodes).get();
  while (other_ == nullptr || other_ == node_) other_ = world_.chance.one_of(world_.nodes).get();
  const NodeId id = node_->id(), other = other_->id();
  const int64_t what = world_.chance.between(0, 10);
  if (what > 1) other_ = nullptr;
  switch (what) {
    case 0:
      name_ = fmt::format("nodes {} and {} receive no messages of each other", id.value(),
                          other.value());
      world_.network.cut(id, other);
      world_.network.cut(other, id);
      break;
    case 1:
      name_ = fmt::format("node {} receives no messages of node {}", other.value(), id.value());
      world_.network.cut(id, other);
      break;
    case 2:
      name_ = fmt::format("no node receives messages of node {}", id.value());
      cut_ways(true, false);
      break;
    case 3:
      name_ = fmt::format("node {} receives no messages", id.value());
      cut_ways(false, true);
      break;
    case 4:
      name_ = fmt::format("node {} is cut off", id.value());
      cut_ways(true, true);
      break;
    case 5:
      name_ = fmt::format("node {} does not reach etcd", id.value());
      world_.etcd.cut(id, true);
      break;
    case 6:
      name_ = fmt::format("the disk of node {} is full", id.value());
      node_->fill_disk(true);
      break;
    case 7:
      name_ = fmt::format("node {} is frozen", id.value());
      node_->freeze(world_.queue.now_us() + kFrozenUs);
      break;
    case 8:
      name_ = fmt::format("node {} is killed", id.value());
      if (node_->is_running()) node_->kill();
      break;
    default:
      name_ = "etcd is slow";
      node_ = nullptr;
      world_.etcd.set_latency_us(30'000);
  }
  world_.findings.trace("a lasting fault begins: " + name_);
}

void LastingFault::end() {
  if (node_ != nullptr) node_->wake();
}

void LastingFault::cut_ways(bool from_node, bool to_node) {
  for (const auto& each : world_.nodes) {
    if (each.get() == node_) continue;
    if (from_node) world_.network.cut(node_->id(), each->id());
    if (to_node) world_.network.cut(each->id(), node_->id());
  }
}

bool LastingFault::excuses(const storage::ClusterSnapshot& cluster,
                           const storage::PartitionAssignment& assignment) const {
  if (node_ == nullptr) return false;
  const size_t least = assignment.least_in_sync(world_.settings.replicas.min_insync_replicas);
  const auto needs = [&](const SimNode& node) {
    return assignment.has_replica(node.id()) &&
           assignment.replicas.size() - 1 < std::max<size_t>(1, least);
  };
  if (other_ != nullptr) {
    // If the controller is at one end of a broken connection, it fences the node at the other end.
    const auto is_gone = [&](const SimNode& node) {
      const storage::ClusterNode* known = cluster.find(node.id());
      return known != nullptr && known->is_fenced;
    };
    if ((is_gone(*node_) && needs(*node_)) || (is_gone(*other_) && needs(*other_))) return true;
    return needs(*node_) && needs(*other_);
  }
  return needs(*node_);
}

}  // namespace sim
