// State that all replicas on a node share.
#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "storage/log/log.h"
#include "storage/log/log_reader.h"
#include "storage/log/replica_log.h"
#include "storage/replica/in_sync_set.h"
#include "storage/replica/replica_port.h"
#include "storage/replica/replica_rules.h"
#include "storage/replica/transfer_budget.h"

namespace storage {

// Returns whether transfers to the follower are throttled. Two kinds of followers are throttled:
// observers, and new replicas that are not in sync yet.
inline bool is_throttled(const PartitionAssignment& assignment, NodeId follower) {
  return !assignment.has_replica(follower) ||
         (assignment.is_adding(follower) && !assignment.is_in_sync(follower));
}

struct ReplicaContext {
  NodeId self;
  Log& log;
  ReplicaLog replica_log;
  LogReader& reader;
  ReplicaPort& port;
  const Clock& clock;
  ReplicaSettings settings;
  ReplicaRules rules;
  // node_epoch is the epoch of this node's registration. Both are from the newest metadata that
  // this node has read.
  NodeEpoch node_epoch = {};
  std::shared_ptr<const ClusterSnapshot> cluster;
  // Budgets for throttled transfers: of this node as leader, and as follower.
  TransferBudget leader_budget = {}, follower_budget = {};
  bool refuses_appends = false;  // this node's disk was full at the last tick
  // The time when this node became the controller; nothing if it is not the controller.
  std::optional<int64_t> decides_since_us = {};

  // Returns the time after which a follower must have caught up to be in sync. Normally this is
  // lag_time_max_us ago. The exception is a leader whose node is also the controller. If that node
  // is cut off from all other nodes, none of its followers catches up. It would then shrink the ISR
  // to itself before it detects the cut, and no other node could be elected afterwards. (Any other
  // leader could not do this, because its proposal would not reach the controller.) So a controller
  // removes no late follower until the time at which it would have resigned if it had been cut off.
  int64_t late_before_us(int64_t now_us) const {
    if (!decides_since_us) return now_us - settings.lag_time_max_us;
    if (now_us - *decides_since_us < settings.unheard_max_us) return INT64_MIN;
    return now_us - std::max(settings.lag_time_max_us, settings.unheard_max_us);
  }
};

}  // namespace storage
