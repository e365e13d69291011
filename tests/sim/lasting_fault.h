// One thing that stays wrong: a cluster goes on without whom it concerns.
#pragma once
#include <string>

#include "storage/meta/cluster_table.h"
#include "tests/sim/sim_node.h"

namespace sim {

// A node that is gone, frozen, full, out of etcd's reach or the others', or one way between two of them.
class LastingFault {
 public:
  explicit LastingFault(SimNode::World& world) : world_(world) {}

  // Which one is left to chance.
  void begin();
  // What healing everything does not end by itself.
  void end();
  // Whether too few of its replicas are left for acks=all. Not so where none was lost.
  bool excuses(const storage::ClusterSnapshot& cluster,
               const storage::PartitionAssignment& assignment) const;
  const std::string& name() const { return name_; }

 private:
  void cut_ways(bool from_node, bool to_node);

  SimNode::World& world_;
  std::string name_;
  SimNode* node_ = nullptr;   // null: nobody in particular
  SimNode* other_ = nullptr;  // of a way between two
};

}  // namespace sim
