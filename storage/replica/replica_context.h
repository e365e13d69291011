// What all replicas of a node share.
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

// Who is in sync is never held up; who is only to come, or observes, may be.
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
  // As the metadata was read last.
  NodeEpoch node_epoch = {};
  std::shared_ptr<const ClusterSnapshot> cluster;
  // What those may take that are throttled, as leader and as follower.
  TransferBudget leader_budget = {}, follower_budget = {};
  // Since when this node is the controller, if it is.
  std::optional<int64_t> decides_since_us = {};

  // A follower that caught up last before that is not in sync. Of a leader whom nobody hears no follower gets on; what it
  // asks for then the controller does not hear, either, unless it is that itself. It would be alone in sync before it
  // knows why, and nobody could lead in its place: so it waits until it would have resigned.
  int64_t late_before_us(int64_t now_us) const {
    if (!decides_since_us) return now_us - settings.lag_time_max_us;
    if (now_us - *decides_since_us < settings.unheard_max_us) return INT64_MIN;
    return now_us - std::max(settings.lag_time_max_us, settings.unheard_max_us);
  }
};

}  // namespace storage
