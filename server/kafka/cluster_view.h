// A cluster as its nodes tell clients of it: who is there, and who leads what.
#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/meta/cluster_table.h"

namespace server::kafka {

// As of one moment; never changes.
struct ClusterView {
  struct Node {
    int32_t id = 0;
    std::string host;  // reachable for clients
    int32_t port = 0;
    std::optional<std::string> rack = {};
  };
  NodeId self;
  std::vector<Node> nodes;     // those that are there, by id
  int32_t controller_id = -1;  // nobody, or not known
  size_t min_insync_replicas = 1;
  std::shared_ptr<const storage::ClusterSnapshot> metadata;

  // Of a topic that leaves it to the server.
  int32_t default_replication_factor() const {
    constexpr size_t kMost = 3;
    const size_t known =
        metadata ? metadata->nodes().size() : nodes.size();  // also those that are away
    return static_cast<int32_t>(std::clamp<size_t>(known, 1, kMost));
  }
  const Node* find(int32_t id) const {
    for (const Node& node : nodes)
      if (node.id == id) return &node;
    return nullptr;
  }
};

}  // namespace server::kafka
