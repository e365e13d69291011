// The nodes of a cluster, and the replicas and leaders of its partitions: a pure state machine over
// the "cluster" parts of the metadata log.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/persistent_map.h"
#include "base/result.h"
#include "base/uuid.h"
#include "storage/log/topic_partition.h"
#include "storage/meta/feature_level.h"

namespace storage {

inline constexpr std::string_view kClusterPart = "cluster";

// The revision of a node's registration, which distinguishes successive registrations of one node
// (Kafka's broker epoch).
using NodeEpoch = StrongNumber<struct NodeEpochTag, int64_t>;

struct ClusterNode {
  NodeId id;
  NodeEpoch epoch = {};
  Uuid directory = {};        // the data directory's id; another directory has none of the data
  std::string endpoint = {};  // for other nodes: host:port
  std::string clients = {};   // for Kafka clients: host:port
  std::string rack = {};
  bool is_fenced =
      true;  // leads nothing and counts in no set, until the controller has a heartbeat of it
  bool operator==(const ClusterNode&) const = default;
};

// Kafka's PartitionRegistration.
struct PartitionAssignment {
  TopicPartition partition;
  std::vector<NodeId> replicas = {};  // the first one is preferred as leader
  std::vector<NodeId> isr = {};       // in the order of `replicas`
  // The members that were in sync when the ISR became smaller than min.insync.replicas. Nothing
  // becomes visible while it is smaller, so they have all visible records (the eligible leader
  // replicas of KIP-966).
  std::vector<NodeId> eligible = {};
  // During a move: the nodes to add to `replicas`, and the nodes to remove once the added ones are
  // in sync. Meanwhile `replicas` holds both: first the final replicas in their final order, then
  // `removing`.
  std::vector<NodeId> adding = {}, removing = {};
  std::optional<NodeId> leader = {};  // none while no member of the ISR is available
  LeaderEpoch leader_epoch = {};      // raised with each change of the leader, also to none
  int32_t version = 0;                // raised by each change (Kafka's partition epoch)
  // The topic's own min.insync.replicas; nothing: the cluster's value applies.
  std::optional<int32_t> own_min_insync = {};
  bool operator==(const PartitionAssignment&) const = default;

  bool has_replica(NodeId node) const;
  bool is_in_sync(NodeId node) const;
  bool is_eligible(NodeId node) const;
  bool is_moving() const { return !adding.empty() || !removing.empty(); }
  bool is_adding(NodeId node) const;
  // Returns how many replicas must be in sync for records to become visible: the topic's minimum,
  // or else the cluster's, but at most all replicas. Replicas that are being added do not count
  // yet.
  size_t least_in_sync(size_t cluster_min_insync) const;
};

// Preferred: elects the first replica, if it is in sync. Unclean: elects any replica, which loses
// records.
enum class Election : uint8_t { Preferred = 0, Unclean = 1 };

// Records that were visible before an unclean election may be lost, with other records at their
// offsets (docs/adr/0089).
struct UncleanElection {
  LeaderEpoch epoch;  // the epoch that the election began
  Revision revision;  // of the command
  bool operator==(const UncleanElection&) const = default;
};
using UncleanElections = PersistentMap<TopicPartition, UncleanElection>;

using NodeSettings = std::map<std::string, std::string>;
inline constexpr NodeId kAllNodes{-1};
// Limits for replicas that move, in bytes per second: for a node as leader, and as follower.
inline constexpr const char* kLeaderThrottle = "leader.replication.throttled.rate";
inline constexpr const char* kFollowerThrottle = "follower.replication.throttled.rate";

// All nodes and assignments as of one revision; never changes. Copies share their common parts.
class ClusterSnapshot {
 public:
  using Nodes = PersistentMap<NodeId, ClusterNode>;
  using Partitions = PersistentMap<TopicPartition, PartitionAssignment>;
  const Nodes& nodes() const { return nodes_; }
  const Partitions& partitions() const { return partitions_; }
  const ClusterNode* find(NodeId node) const { return nodes_.get(node); }  // null: unknown
  // Settings that were changed at run time, for a node, or for all nodes (kAllNodes), by Kafka's
  // names.
  const NodeSettings& settings_of(NodeId node) const;
  // The value that applies to the node; nothing if it is not set.
  std::optional<int64_t> number_setting(NodeId node, const std::string& name) const;
  const PartitionAssignment* find(const TopicPartition& partition) const {
    return partitions_.get(partition);
  }
  // The newest election of each partition that had one. It is kept for as long as the partition
  // exists.
  const UncleanElections& unclean_elections() const { return unclean_elections_; }
  // May be newer than this program's newest level: the node must then leave the cluster.
  FeatureLevel feature_level() const { return feature_level_; }

 private:
  friend class ClusterTable;
  Nodes nodes_;
  Partitions partitions_;
  PersistentMap<NodeId, NodeSettings> settings_;
  UncleanElections unclean_elections_;
  FeatureLevel feature_level_ = kFirstLevel;
};

// The bytes of "cluster" parts.
std::string encode_register_node(const ClusterNode& node);  // without its epoch and fence
std::string encode_fence_node(NodeId node, NodeEpoch epoch, bool is_fenced);
// The complete new assignment. Version 0 creates it; a change has the present version plus one.
std::string encode_assign_partition(const PartitionAssignment& assignment);
std::string encode_remove_assignments(const Uuid& topic);
// Requests of operators, applied to the assignment as it is then: see partition_requests.h.
std::string encode_move_replicas(const TopicPartition& partition,
                                 const std::vector<NodeId>& target);  // none: as they were
// With `wanted` (level 4), only that node is elected; otherwise the first replica that may lead.
std::string encode_elect_leader(const TopicPartition& partition, Election how,
                                std::optional<NodeId> wanted = {});
// Removes a node that has no replica left from the cluster.
std::string encode_unregister_node(NodeId node, NodeEpoch epoch);
std::string encode_configure_node(NodeId node, const NodeSettings& all);
// Sets the topic's own minimum; needs level 4. `cluster_min_insync` applies to a topic without one.
std::string encode_require_in_sync(const Uuid& topic, std::optional<int32_t> own_min_insync,
                                   size_t cluster_min_insync);
// The caller has verified that all nodes know the level. Programs without levels skip this part.
std::string encode_raise_level(FeatureLevel level);

// The nodes and partitions that a part has changed.
struct ClusterDelta {
  std::vector<NodeId> nodes;
  std::vector<TopicPartition> partitions;  // including removed ones
};

// Threads: one applies; the snapshots may go anywhere.
class ClusterTable {
 public:
  ClusterTable();

  // Fails with InvalidParameter, OutOfOrderSequence (the part was made for another version) or
  // IncompatibleFormat, and then changes nothing. All nodes fail alike, so a part that fails is
  // skipped.
  //
  // A node that registers no longer leads any partition. If it has another data directory, it also
  // leaves every ISR and the eligible replicas, because its data is gone.
  Result<ClusterDelta> apply(std::string_view part, Revision revision);

  std::shared_ptr<const ClusterSnapshot> snapshot() const { return snapshot_; }

  // The whole state, as the "cluster" part of a MetadataSnapshot.
  std::string save() const;
  static Result<ClusterTable> load(std::string_view saved);

 private:
  Result<ClusterDelta> register_node(ClusterSnapshot& next, ClusterNode node);
  static std::vector<TopicPartition> require_in_sync(ClusterSnapshot& next, const Uuid& topic,
                                                     std::optional<int32_t> own_min,
                                                     size_t cluster_min);
  std::shared_ptr<const ClusterSnapshot> snapshot_;
};

}  // namespace storage
