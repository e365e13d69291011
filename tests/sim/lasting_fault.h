// A fault that lasts: the cluster must continue without the affected nodes.
#pragma once
#include <string>

#include "storage/meta/cluster_table.h"
#include "tests/sim/sim_node.h"

namespace sim {

// Affects one node, which is killed, frozen, has a full disk or cannot reach etcd or the other nodes; or
// cuts one direction of a connection between two nodes.
class LastingFault {
 public:
  explicit LastingFault(SimNode::World& world) : world_(world) {}

  // Begins a fault that is chosen at random.
  void begin();
  // Wakes a frozen node. All other effects of the fault end when the network, etcd and the disks are healed.
  void end();
  // Returns whether the fault leaves fewer replicas of the partition than acks=all needs. False if the partition
  // has lost none.
  bool excuses(const storage::ClusterSnapshot& cluster,
               const storage::PartitionAssignment& assignment) const;
  const std::string& name() const { return name_; }

 private:
  void cut_ways(bool from_node, bool to_node);

  SimNode::World& world_;
  std::string name_;
  SimNode* node_ = nullptr;   // null: the fault affects no single node
  SimNode* other_ = nullptr;  // the second node, if the fault is between two nodes
};

}  // namespace sim
