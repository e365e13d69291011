// The nodes of a cluster, and who holds and leads which partition: a pure state machine over the
// "cluster" parts of the metadata log.
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

// Of a node's registration: the revision of the command, so that who comes back is told from who was
// there before (Kafka's broker epoch).
using NodeEpoch = StrongNumber<struct NodeEpochTag, int64_t>;

struct ClusterNode {
  NodeId id;
  NodeEpoch epoch = {};
  Uuid directory = {};  // the data directory's id: another one has nothing of what this one had
  std::string endpoint = {};  // for other nodes: host:port
  std::string clients = {};   // for Kafka clients, likewise
  std::string rack = {};
  bool is_fenced =
      true;  // leads nothing and is in no set that counts, until the controller has heard of it
  bool operator==(const ClusterNode&) const = default;
};

// Kafka's PartitionRegistration.
struct PartitionAssignment {
  TopicPartition partition;
  std::vector<NodeId> replicas = {};  // the first one is preferred as leader
  std::vector<NodeId> isr = {};       // in the order of `replicas`
  // Who was in sync when the ISR became smaller than min.insync.replicas: while it is, nothing becomes visible,
  // so they have all that is (the eligible leader replicas of KIP-966).
  std::vector<NodeId> eligible = {};
  // While replicas move: who is to come into `replicas`, and who is to go when those are in sync. `replicas` holds
  // both: those that are to stay, in the order in which they will, then `removing`.
  std::vector<NodeId> adding = {}, removing = {};
  std::optional<NodeId> leader = {};  // nobody while none of the ISR is there
  LeaderEpoch leader_epoch = {};      // raised whenever the leader changes, to nobody too
  int32_t version = 0;                // raised by each change (Kafka's partition epoch)
  // The topic's own min.insync.replicas; none: the cluster's.
  std::optional<int32_t> own_min_insync = {};
  bool operator==(const PartitionAssignment&) const = default;

  bool has_replica(NodeId node) const;
  bool is_in_sync(NodeId node) const;
  bool is_eligible(NodeId node) const;
  bool is_moving() const { return !adding.empty() || !removing.empty(); }
  bool is_adding(NodeId node) const;
  // How many have to be in sync for anything to become visible: as many as the topic asks for, else the cluster, or all
  // where there are fewer. Who is only to come is none of them yet.
  size_t least_in_sync(size_t cluster_min_insync) const;
};

// Preferred: the first of the replicas, if it is in sync. Unclean: anybody, though records are lost with that.
enum class Election : uint8_t { Preferred = 0, Unclean = 1 };

// What was visible before it may be gone, and other records lie at the same offsets (docs/adr/0089).
struct UncleanElection {
  LeaderEpoch epoch;  // that began with it
  Revision revision;  // of the command
  bool operator==(const UncleanElection&) const = default;
};
using UncleanElections = PersistentMap<TopicPartition, UncleanElection>;

using NodeSettings = std::map<std::string, std::string>;
inline constexpr NodeId kAllNodes{-1};
// What replicas that move may take of a node, in bytes per second: as leader, and as follower.
inline constexpr const char* kLeaderThrottle = "leader.replication.throttled.rate";
inline constexpr const char* kFollowerThrottle = "follower.replication.throttled.rate";

// All nodes and assignments as of one revision; never changes. Copies share what they have in common.
class ClusterSnapshot {
 public:
  using Nodes = PersistentMap<NodeId, ClusterNode>;
  using Partitions = PersistentMap<TopicPartition, PartitionAssignment>;
  const Nodes& nodes() const { return nodes_; }
  const Partitions& partitions() const { return partitions_; }
  const ClusterNode* find(NodeId node) const { return nodes_.get(node); }  // null: unknown
  // What was set while it ran: of a node, or of all (kAllNodes), by Kafka's names.
  const NodeSettings& settings_of(NodeId node) const;
  // As it holds for the node; nothing where it is set nowhere.
  std::optional<int64_t> number_setting(NodeId node, const std::string& name) const;
  const PartitionAssignment* find(const TopicPartition& partition) const {
    return partitions_.get(partition);
  }
  // The newest of each partition that had one; they stay for as long as the partition does.
  const UncleanElections& unclean_elections() const { return unclean_elections_; }
  // May be newer than this program knows: then the node has to stop taking part.
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
std::string encode_register_node(const ClusterNode& node);  // its epoch and fence are not in it
std::string encode_fence_node(NodeId node, NodeEpoch epoch, bool is_fenced);
// As it is to be; a new one has version 0. Of one that is there, the version is one more.
std::string encode_assign_partition(const PartitionAssignment& assignment);
std::string encode_remove_assignments(const Uuid& topic);
// What operators ask for, on the assignment as it is then: see partition_requests.h.
std::string encode_move_replicas(const TopicPartition& partition,
                                 const std::vector<NodeId>& target);  // none: as they were
// `wanted`: who is to lead, nobody else; of level 4. Else the first of the replicas that may.
std::string encode_elect_leader(const TopicPartition& partition, Election how,
                                std::optional<NodeId> wanted = {});
// Who has no replica any more is not of the cluster any more.
std::string encode_unregister_node(NodeId node, NodeEpoch epoch);
std::string encode_configure_node(NodeId node, const NodeSettings& all);
// What the topic asks for from then on; of level 4. `cluster_min_insync` holds where it asks for nothing of its own.
std::string encode_require_in_sync(const Uuid& topic, std::optional<int32_t> own_min_insync,
                                   size_t cluster_min_insync);
// Who asks for it knows that all nodes know it. Programs that know of no levels pass over it.
std::string encode_raise_level(FeatureLevel level);

// What a part has changed.
struct ClusterDelta {
  std::vector<NodeId> nodes;
  std::vector<TopicPartition> partitions;  // also those that are no more
};

// Threads: one applies; the snapshots may go anywhere.
class ClusterTable {
 public:
  ClusterTable();

  // Fails with InvalidParameter, OutOfOrderSequence (it was made for another version) or IncompatibleFormat, and changes nothing then; all nodes
  // fail alike, so a part that fails is skipped.
  //
  // A node that registers leads nothing any more. With another data directory it leaves every ISR, too,
  // and is eligible for nothing: what made it a member is gone.
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
