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

// The nodes and leaders as this node knew them when the object was made. The object never changes, so one request sees
// one state even if a leader changes meanwhile.
struct ClusterView {
  struct Node {
    int32_t id = 0;
    std::string host;  // host name or address that clients can reach
    int32_t port = 0;
    std::optional<std::string> rack = {};
  };
  NodeId self;
  // True if other nodes have taken over the partitions that this node led. The metadata of this
  // node is then out of date, and answers from it would mislead clients.
  bool is_suspended = false;
  std::vector<Node> nodes;     // live nodes, by id
  int32_t controller_id = -1;  // -1: none, or not known
  size_t min_insync_replicas = 1;
  std::shared_ptr<const storage::ClusterSnapshot> metadata;

  // The revision of the metadata log that each node has read, according to the controller's last
  // report. The log is in etcd; any node that reads it may become the controller.
  struct MetadataLog {
    struct Reader {
      NodeId node;
      Revision read = {};
      // Times of the wall clock; -1 if the controller has not heard from the node.
      int64_t heard_ms = -1, caught_up_ms = -1;
      // Number of replicas, among those of partitions that this node leads, whose content differs
      // from the leader's.
      int64_t differing = 0;
      // Newest level that the node's program supports.
      storage::FeatureLevel knows = storage::kFirstLevel;
    };
    int32_t controller_epoch = 0;
    Revision end = {};
    int64_t told_us = 0;  // time of the controller's report, by the monotonic clock
    std::vector<Reader> readers = {};
  };
  std::shared_ptr<const MetadataLog> metadata_log = {};  // null: not known

  // Returns the replication factor of topics whose creator lets the server choose.
  int32_t default_replication_factor() const {
    constexpr size_t kMost = 3;
    const size_t known =
        // the count includes nodes that are down
        metadata ? metadata->nodes().size() : nodes.size();
    return static_cast<int32_t>(std::clamp<size_t>(known, 1, kMost));
  }
  const Node* find(int32_t id) const {
    for (const Node& node : nodes)
      if (node.id == id) return &node;
    return nullptr;
  }
};

}  // namespace server::kafka
