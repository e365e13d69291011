// The cluster as its nodes describe it to clients: the live nodes, and the leader of each
// partition.
#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/meta/cluster_table.h"

namespace server::kafka {

// The state at one moment; never changes.
struct ClusterView {
  struct Node {
    int32_t id = 0;
    std::string host;  // reachable for clients
    int32_t port = 0;
    std::optional<std::string> rack = {};
  };
  NodeId self;
  // Other nodes lead the partitions that this node led, and its knowledge of them is out of date:
  // its answers would not help a client.
  bool is_suspended = false;
  std::vector<Node> nodes;     // live nodes, by id
  int32_t controller_id = -1;  // -1: none, or not known
  size_t min_insync_replicas = 1;
  std::shared_ptr<const storage::ClusterSnapshot> metadata;

  // The revision of the metadata log up to which each node has read, as last reported by the
  // controller. The log is in etcd; any node that reads it may become the controller.
  struct MetadataLog {
    struct Reader {
      NodeId node;
      Revision read = {};
      // Wall clock; -1: the controller has not heard from the node.
      int64_t heard_ms = -1, caught_up_ms = -1;
      int64_t differing = 0;  // replicas of partitions that it leads whose content differs
      storage::FeatureLevel knows = storage::kFirstLevel;  // newest level that its program supports
    };
    int32_t controller_epoch = 0;
    Revision end = {};
    int64_t told_us = 0;  // monotonic clock, of the controller's report
    std::vector<Reader> readers = {};
  };
  std::shared_ptr<const MetadataLog> metadata_log = {};  // null: not known

  // The replication factor of a topic whose creator leaves it to the server.
  int32_t default_replication_factor() const {
    constexpr size_t kMost = 3;
    const size_t known =
        metadata ? metadata->nodes().size() : nodes.size();  // includes nodes that are down
    return static_cast<int32_t>(std::clamp<size_t>(known, 1, kMost));
  }
  const Node* find(int32_t id) const {
    for (const Node& node : nodes)
      if (node.id == id) return &node;
    return nullptr;
  }
};

}  // namespace server::kafka
