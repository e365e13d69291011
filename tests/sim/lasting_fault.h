// One fault that lasts: the cluster must go on without the nodes that are affected.
#pragma once
#include <string>

#include "storage/meta/cluster_table.h"
#include "tests/sim/sim_node.h"

namespace sim {

// A node that is gone, frozen, full, out of etcd's reach or the others', or one way between two of them.
class LastingFault {
 public:
  explicit LastingFault(SimNode::World& world) : world_(world) {}

  // Chance selects the fault.
  void begin();
  // Ends the part of the fault that healing the network, etcd and the disks does not end: it wakes a frozen node.
  void end();
  // Whether the fault leaves too few replicas of the partition for acks=all. False if the partition has lost none.
  bool excuses(const storage::ClusterSnapshot& cluster,
               const storage::PartitionAssignment& assignment) const;
  const std::string& name() const { return name_; }

 private:
  void cut_ways(bool from_node, bool to_node);

  SimNode::World& world_;
  std::string name_;
  SimNode* node_ = nullptr;   // null: the fault concerns no single node
  SimNode* other_ = nullptr;  // the second node if the fault is between two
};

}  // namespace sim
