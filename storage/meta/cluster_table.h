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
  Uuid directory = {};  // the data directory's id; a new directory has none of the node's data
  std::string endpoint = {};  // address for other nodes: host:port
  std::string clients = {};   // address for Kafka clients: host:port
  std::string rack = {};
  bool is_fenced =
      true;  // leads nothing and is in no ISR until the controller has received its heartbeat
  bool operator==(const ClusterNode&) const = default;
};

// The assignment of a partition to nodes: Kafka's PartitionRegistration.
struct PartitionAssignment {
  TopicPartition partition;
  std::vector<NodeId> replicas = {};  // the first one is preferred as leader
  std::vector<NodeId> isr = {};       // in the order of `replicas`
  // The replicas that were in sync when the ISR became smaller than min.insync.replicas (the
  // eligible leader replicas of KIP-966). While the ISR is that small, no further record becomes
  // visible. So these replicas still have all visible records and may be elected as leader.
  std::vector<NodeId> eligible = {};
  // Used during a move: `adding` has the nodes to add to `replicas`, and `removing` those to remove
  // once the added ones are in sync. During the move `replicas` contains both: first the final
  // replicas in their final order, then `removing`.
  std::vector<NodeId> adding = {}, removing = {};
  std::optional<NodeId> leader = {};  // nothing while no member of the ISR is available
  // Raised with each change of `leader`, also when the partition loses its leader.
  LeaderEpoch leader_epoch = {};
  int32_t version = 0;  // raised by each change (Kafka's partition epoch)
  // The topic's own min.insync.replicas; nothing if the cluster's value applies.
  std::optional<int32_t> own_min_insync = {};
  bool operator==(const PartitionAssignment&) const = default;

  bool has_replica(NodeId node) const;
  bool is_in_sync(NodeId node) const;
  bool is_eligible(NodeId node) const;
  bool is_moving() const { return !adding.empty() || !removing.empty(); }
  bool is_adding(NodeId node) const;
  // Returns how many replicas must be in sync for records to become visible. This is the minimum of
  // the topic or, if the topic has none, the minimum of the cluster, but not more than the number
  // of replicas. Replicas that are being added do not count as replicas here.
  size_t least_in_sync(size_t cluster_min_insync) const;
};

// Preferred elects the first replica, if it is in sync. Unclean elects any replica, and so may lose
// records.
enum class Election : uint8_t { Preferred = 0, Unclean = 1 };

// An unclean election of a partition. Records that were visible before it may be lost, and other
// records may be at their offsets (docs/adr/0089).
struct UncleanElection {
  LeaderEpoch epoch;  // the epoch that the election began
  Revision revision;  // revision of the command that recorded the election
  bool operator==(const UncleanElection&) const = default;
};
using UncleanElections = PersistentMap<TopicPartition, UncleanElection>;

using NodeSettings = std::map<std::string, std::string>;
inline constexpr NodeId kAllNodes{-1};
// Limits for the transfer of records to replicas that move, in bytes per second. The first limits
// the records that a node sends as leader, the second those that it fetches as follower.
inline constexpr const char* kLeaderThrottle = "leader.replication.throttled.rate";
inline constexpr const char* kFollowerThrottle = "follower.replication.throttled.rate";

// All nodes and assignments as of one revision. A snapshot never changes; a new one shares all
// unchanged parts with its predecessor.
class ClusterSnapshot {
 public:
  using Nodes = PersistentMap<NodeId, ClusterNode>;
  using Partitions = PersistentMap<TopicPartition, PartitionAssignment>;
  const Nodes& nodes() const { return nodes_; }
  const Partitions& partitions() const { return partitions_; }
  const ClusterNode* find(NodeId node) const { return nodes_.get(node); }  // null: unknown
  // Returns the settings, by Kafka's names, that were changed at run time for one node, or for all
  // nodes (kAllNodes).
  const NodeSettings& settings_of(NodeId node) const;
  // Returns the value of a setting that applies to the node; nothing if it was not changed at run
  // time.
  std::optional<int64_t> number_setting(NodeId node, const std::string& name) const;
  const PartitionAssignment* find(const TopicPartition& partition) const {
    return partitions_.get(partition);
  }
  // Returns the newest unclean election of each partition that had one. An election is stored as
  // long as the partition exists.
  const UncleanElections& unclean_elections() const { return unclean_elections_; }
  // Returns the cluster's feature level. If this program does not support it, the node must leave
  // the cluster.
  FeatureLevel feature_level() const { return feature_level_; }

 private:
  friend class ClusterTable;
  Nodes nodes_;
  Partitions partitions_;
  PersistentMap<NodeId, NodeSettings> settings_;
  UncleanElections unclean_elections_;
  FeatureLevel feature_level_ = kFirstLevel;
};

// The following functions encode parts of kind "cluster" of a metadata command.
// encode_register_node() leaves out the fields `epoch` and `is_fenced`.
std::string encode_register_node(const ClusterNode& node);
std::string encode_fence_node(NodeId node, NodeEpoch epoch, bool is_fenced);
// Encodes the complete new assignment. An assignment with version 0 creates the partition's
// assignment; any other must have the present version plus one.
std::string encode_assign_partition(const PartitionAssignment& assignment);
std::string encode_remove_assignments(const Uuid& topic);
// The following functions encode requests of operators. A request is applied to the assignment as
// it is at the moment when the request's command is applied (partition_requests.h).
std::string encode_move_replicas(const TopicPartition& partition,
                                 // empty: the replicas from before the move
                                 const std::vector<NodeId>& target);
// Encodes an election. With `wanted` (feature level 4), only that node is elected; otherwise the
// first replica that may lead.
std::string encode_elect_leader(const TopicPartition& partition, Election how,
                                std::optional<NodeId> wanted = {});
// Encodes the removal of a node that has no replica left.
std::string encode_unregister_node(NodeId node, NodeEpoch epoch);
std::string encode_configure_node(NodeId node, const NodeSettings& all);
// Encodes a change of the topic's own min.insync.replicas; needs feature level 4.
// `cluster_min_insync` is the cluster's value, which applies if the topic has none.
std::string encode_require_in_sync(const Uuid& topic, std::optional<int32_t> own_min_insync,
                                   size_t cluster_min_insync);
// Encodes a raise of the cluster's feature level. The caller has verified that all nodes support
// the level. Older programs, which do not know feature levels, skip this part.
std::string encode_raise_level(FeatureLevel level);

// The nodes and partitions that a "cluster" part of a command has changed.
struct ClusterDelta {
  std::vector<NodeId> nodes;
  std::vector<TopicPartition> partitions;  // including removed ones
};

// Applies "cluster" parts and publishes snapshots. Threads: one applies parts; snapshots may be
// used on any.
class ClusterTable {
 public:
  ClusterTable();

  // Applies a part. Fails with InvalidParameter, with IncompatibleFormat, or with
  // OutOfOrderSequence if the part was made for another version of the assignment. A part that
  // fails changes nothing. It fails in the same way on all nodes, so all of them skip it.
  //
  // A node that registers no longer leads any partition. If it has another data directory, it also
  // leaves every ISR and the eligible replicas, because its data is lost.
  Result<ClusterDelta> apply(std::string_view part, Revision revision);

  std::shared_ptr<const ClusterSnapshot> snapshot() const { return snapshot_; }

  // Returns the whole state, as the "cluster" part of a MetadataSnapshot.
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
