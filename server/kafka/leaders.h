// Finds the node that answers requests for a partition. On a single node it is this node, in a
// cluster the partition's leader.
#pragma once
#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>

#include "server/kafka/backend.h"
#include "server/kafka/cluster_view.h"

namespace server::kafka {

inline constexpr KafkaError kLeaderNotAvailable{5};

// Finds the leaders for one request. The object keeps one ClusterView, so all parts of the answer agree even if a
// leader changes meanwhile.
class Leaders {
 public:
  explicit Leaders(const Backend& backend) : backend_(backend), view_(backend.cluster()) {}

  struct Answer {
    KafkaError error = KafkaError::None;        // reason why this node does not answer
    int32_t leader_id = -1, leader_epoch = -1;  // the leader; -1: not known
  };
  Answer of(const storage::TopicPartition& partition) const;
  // Returns the answer for a consumer in `rack`: if this node is an in-sync follower in the same
  // rack, it may answer the consumer itself (KIP-392).
  Answer of(const storage::TopicPartition& partition, std::string_view rack) const;
  // For a partition that this node leads: returns an in-sync replica in the consumer's rack, from
  // which the consumer should read instead. Returns nullopt if no such replica exists, or if this
  // node is in that rack itself.
  std::optional<int32_t> nearer(const storage::TopicPartition& partition,
                                std::string_view rack) const;
  // Returns whether this node has a replica, as leader or follower.
  bool is_here(const storage::TopicPartition& partition) const;
  // Returns whether enough replicas are in sync for a record to become visible.
  bool has_min_isr(const storage::TopicPartition& partition) const;

  // Sets the fields that the answers to Metadata and similar requests have in common. A partition
  // without a leader gets an error.
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

  // Adds the leader's address to the answer, unless the answer has it already.
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
  const std::shared_ptr<const ClusterView> view_;  // null: single node
};

}  // namespace server::kafka
