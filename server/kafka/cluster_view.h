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
  // Others lead what this node led, and what it knows of them is old: nothing that it tells helps a client.
  bool is_suspended = false;
  std::vector<Node> nodes;     // those that are there, by id
  int32_t controller_id = -1;  // nobody, or not known
  size_t min_insync_replicas = 1;
  std::shared_ptr<const storage::ClusterSnapshot> metadata;

  // How far the nodes have read the metadata log, as the controller has told a moment ago. It lies in etcd; whoever
  // reads it may become the controller.
  struct MetadataLog {
    struct Reader {
      NodeId node;
      Revision read = {};
      // Wall clock; -1: the controller has not heard of it.
      int64_t heard_ms = -1, caught_up_ms = -1;
      int64_t differing = 0;  // replicas of what it leads that were found to differ
      storage::FeatureLevel knows = storage::kFirstLevel;  // the newest that its program knows
    };
    int32_t controller_epoch = 0;
    Revision end = {};
    int64_t told_us = 0;  // monotonic
    std::vector<Reader> readers = {};
  };
  std::shared_ptr<const MetadataLog> metadata_log = {};  // null: not known

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
