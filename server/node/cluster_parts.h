// The parts of a server that exist only if it is a node of a cluster.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "server/cluster/cluster_member.h"
#include "server/metadata/metadata_applier.h"
#include "server/node/settings.h"
#include "server/tasks/cleanup_targets.h"

namespace server {

// Opens the node's part in a cluster; returns null if the settings name no cluster. Fails with ObjectState if the data
// directory belongs to another node or cluster, with NetworkFailure if the member cannot listen for other nodes.
Result<std::unique_ptr<ClusterMember>> open_cluster_member(
    const NodeSettings& settings, storage::Log& log, const Clock& clock,
    std::function<void(std::span<const storage::TopicPartition>)> on_changed);

// Callbacks by which other parts of the server use the member, which outlives them. `member` is null for a single node.
MetadataApplier::Placement placement_by(const ClusterMember* member);
MetadataApplier::LeadersEnd leaders_end_by(ClusterMember& member);
MetadataApplier::FindLevel level_by(const ClusterMember& member);
MetadataApplier::Processes processes_by(const ClusterMember& member);
CleanupTargets::LacksReplicas lacks_replicas_by(const ClusterMember* member);
// Returns the unclean elections in the metadata that the node has read so far.
storage::UncleanElections unclean_elections_by(const ClusterMember& member);

// Finds the partitions with an unclean election since the last call, or since told_until(): their queries have to be
// checked. Threads: told_until() has to be called before the other threads start.
class ElectionWatch {
 public:
  void told_until(const storage::UncleanElections& elections);
  std::vector<storage::TopicPartition> take_new(const storage::UncleanElections& elections,
                                                std::span<const storage::TopicPartition> changed);

 private:
  Revision told_{0};
};

}  // namespace server
