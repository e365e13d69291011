// What a server that is a node of a cluster has besides.
#pragma once
#include <functional>
#include <memory>
#include <span>

#include "server/cluster/cluster_member.h"
#include "server/metadata/metadata_applier.h"
#include "server/node/settings.h"

namespace server {

// Null where the settings name no cluster. Fails with ObjectState when the data directory belongs to somebody else,
// with NetworkFailure when it cannot listen for other nodes.
Result<std::unique_ptr<ClusterMember>> open_cluster_member(
    const NodeSettings& settings, storage::Log& log, const Clock& clock,
    std::function<void(std::span<const storage::TopicPartition>)> on_changed);

// None where there is no cluster. The member outlives what it returns.
MetadataApplier::Placement placement_by(const ClusterMember* member);
MetadataApplier::LeadersEnd leaders_end_by(ClusterMember& member);

}  // namespace server
