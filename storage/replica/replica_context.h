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
  ReplicaLog replica_log;
  LogReader& reader;
  ReplicaPort& port;
  const Clock& clock;
  ReplicaSettings settings;
  ReplicaRules rules;
  // As the metadata was read last.
  NodeEpoch node_epoch = {};
  std::shared_ptr<const ClusterSnapshot> cluster;
  // What replicas that are only to come may take, as leader and as follower. Who is in sync is never held up.
  TransferBudget leader_budget = {}, follower_budget = {};
};

}  // namespace storage
