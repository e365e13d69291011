// The parts of a server that exist only if it is a node of a cluster.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "server/cluster/cluster_member.h"
#include "server/metadata/capabilities.h"
#include "server/metadata/cluster_facts.h"
#include "server/node/settings.h"

namespace server {

// Checks that the data directory belongs to no cluster. A lone node does not know a cluster's
// topics, and would delete their partitions as leftovers of a crash. Fails with ObjectState.
Status check_alone(storage::Log& log);

// Opens the node's part in a cluster. Fails with ObjectState if the data directory belongs to another node or cluster,
// with NetworkFailure if the member cannot listen for other nodes.
Result<std::unique_ptr<ClusterMember>> open_cluster_member(
    const NodeSettings& settings, storage::Log& log, const Clock& clock,
    std::function<void(std::span<const storage::TopicPartition>)> on_changed);

// Provides facts about the cluster, as reported by this node's member.
//
// Owner: the node; the member outlives it.
class MemberFacts final : public ClusterFacts {
 public:
  explicit MemberFacts(ClusterMember& member) : member_(member) {}
  bool supports(Feature feature) const override { return cluster_has(feature); }
  storage::FeatureLevel level() const override;
  std::optional<int32_t> node_number() const override;
  bool has_other_processes() const override { return true; }
  Result<std::optional<NodeProcess>> process() const override;
  Presence presence(const NodeProcess& process) const override;
  void announce(Revision revision, std::function<void()> done) const override;
  bool places_replicas() const override { return true; }
  Status place(const ReplicaWish& wish, const storage::TopicDelta& delta,
               storage::MetadataCommand& command) const override;
  bool has_replicas(const storage::TopicInfo& topic) const override;
  Result<Offset> find_end(const storage::Log& log,
                          const storage::TopicPartition& partition) const override;
  bool has_replicated_journals() const override { return true; }

 private:
  ClusterMember& member_;
};

// Returns the unclean elections in the metadata that the node has read so far.
storage::UncleanElections unclean_elections_by(const ClusterMember& member);

// Finds the partitions that had an unclean election since the last call of told_until() or take_new(). The caller then
// checks whether queries have read records of these partitions that are lost. Threads: told_until() has to be called
// before the other threads start.
class ElectionWatch {
 public:
  void told_until(const storage::UncleanElections& elections);
  std::vector<storage::TopicPartition> take_new(const storage::UncleanElections& elections,
                                                std::span<const storage::TopicPartition> changed);

 private:
  Revision told_{0};
};

}  // namespace server
