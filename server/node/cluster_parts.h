// What a server that is a node of a cluster has besides.
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

// Null where the settings name no cluster. Fails with ObjectState when the data directory belongs to somebody else,
// with NetworkFailure when it cannot listen for other nodes.
Result<std::unique_ptr<ClusterMember>> open_cluster_member(
    const NodeSettings& settings, storage::Log& log, const Clock& clock,
    std::function<void(std::span<const storage::TopicPartition>)> on_changed);

// None where there is no cluster. The member outlives what it returns.
MetadataApplier::Placement placement_by(const ClusterMember* member);
MetadataApplier::LeadersEnd leaders_end_by(ClusterMember& member);
MetadataApplier::FindLevel level_by(const ClusterMember& member);
MetadataApplier::Processes processes_by(const ClusterMember& member);
CleanupTargets::LacksReplicas lacks_replicas_by(const ClusterMember* member);
// As the node has read the metadata so far.
storage::UncleanElections unclean_elections_by(const ClusterMember& member);

// Which partitions had an unclean election since it was asked last, or since told_until(): their queries are to be looked
// at. Threads: told_until() before the others.
class ElectionWatch {
 public:
  void told_until(const storage::UncleanElections& elections);
  std::vector<storage::TopicPartition> take_new(
      const storage::UncleanElections& elections,
      std::span<const storage::TopicPartition> changed);

 private:
  Revision told_{0};
};

}  // namespace server
