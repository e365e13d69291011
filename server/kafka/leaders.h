// Who answers for a partition: this node, where there is one; in a cluster whoever leads it.
#pragma once
#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>

#include "server/kafka/backend.h"
#include "server/kafka/cluster_view.h"

namespace server::kafka {

inline constexpr KafkaError kLeaderNotAvailable{5};

// As of one moment: for one request.
class Leaders {
 public:
  explicit Leaders(const Backend& backend) : backend_(backend), view_(backend.cluster()) {}

  struct Answer {
    KafkaError error = KafkaError::None;        // why it is not this node
    int32_t leader_id = -1, leader_epoch = -1;  // who it is; -1: not known here
  };
  Answer of(const storage::TopicPartition& partition) const;
  // Who answers fetches of consumers in that rack: also a follower there that is in sync (KIP-392).
  Answer of(const storage::TopicPartition& partition, std::string_view rack) const;
  // Where a consumer in that rack is to read instead of here, which leads: a node there that is in sync. Nothing where
  // none is, or this one is there itself.
  std::optional<int32_t> nearer(const storage::TopicPartition& partition,
                                std::string_view rack) const;
  // Whether this node has a replica, whoever leads.
  bool is_here(const storage::TopicPartition& partition) const;
  // Whether so many are in sync that a record can become visible.
  bool has_min_isr(const storage::TopicPartition& partition) const;

  // What Metadata and its like say of a partition; one of nobody's has an error.
  template <class Description>
  void describe(const storage::TopicPartition& partition, int32_t self, int32_t epoch_here,
                Description& to) const {
    if (!view_) {
      to.leader_id = self;
      to.leader_epoch = epoch_here;
      to.replica_nodes = to.isr_nodes = {self};
      return;
    }
    const storage::PartitionAssignment* known = view_->metadata->find(partition);
    if (known != nullptr) {
      to.leader_epoch = known->leader_epoch.value();
      for (const NodeId node : known->replicas) {
        to.replica_nodes.push_back(node.value());
        if (view_->find(node.value()) == nullptr) to.offline_replicas.push_back(node.value());
      }
      for (const NodeId node : known->isr) to.isr_nodes.push_back(node.value());
    }
    to.leader_id = leader_of(known);
    if (to.leader_id < 0) to.error_code = kLeaderNotAvailable;
  }

  // Adds to an answer where a leader is, once.
  template <class Endpoints>
  void add_endpoint(int32_t leader_id, Endpoints& endpoints) const {
    const ClusterView::Node* node = view_ ? view_->find(leader_id) : nullptr;
    if (node == nullptr ||
        std::ranges::any_of(endpoints, [&](const auto& e) { return e.node_id == leader_id; }))
      return;
    auto& endpoint = endpoints.emplace_back();
    endpoint.node_id = node->id;
    endpoint.host = node->host;
    endpoint.port = node->port;
    endpoint.rack = node->rack;
  }

 private:
  bool has_role(const storage::PartitionAssignment& known, storage::ReplicaRole role) const;
  bool is_in_rack(int32_t node, std::string_view rack) const;
  int32_t leader_of(const storage::PartitionAssignment* known) const;

  const Backend& backend_;
  const std::shared_ptr<const ClusterView> view_;  // null: there is one node
};

}  // namespace server::kafka
