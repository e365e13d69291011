// What all replicas of a node share.
#pragma once
#include <memory>

#include "base/clock.h"
#include "storage/log/log.h"
#include "storage/log/log_reader.h"
#include "storage/log/replica_log.h"
#include "storage/replica/in_sync_set.h"
#include "storage/replica/replica_port.h"
#include "storage/replica/replica_rules.h"
#include "storage/replica/transfer_budget.h"

namespace storage {

struct ReplicaContext {
  NodeId self;
  Log& log;
// Who is in sync is never held up; who is only to come, or observes, may be.
inline bool is_throttled(const PartitionAssignment& assignment, NodeId follower) {
  return !assignment.has_replica(follower) ||
         (assignment.is_adding(follower) && !assignment.is_in_sync(follower));
}

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
};

}  // namespace storage
