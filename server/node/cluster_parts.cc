#include "server/node/cluster_parts.h"

#include <fmt/format.h>

#include <chrono>
#include <future>
#include <memory>

#include "storage/meta/cluster_membership.h"

namespace server {

namespace {

// Alone it would not know of the topics here, and take their partitions for what a crash has left.
Status check_alone(storage::Log& log) {
  const auto known = TRY(storage::read_cluster_membership(log));
  if (!known) return {};
  return Error{ErrorCode::ObjectState,
               fmt::format("the data directory belongs to node {} of cluster \"{}\"",
                           known->node.value(), known->cluster_id),
               {},
               fmt::format("Start it with --cluster {} --node-id {} --etcd URL,..., or choose "
                           "another --data-dir.",
                           known->cluster_id, known->node.value())};
}

}  // namespace

Result<std::unique_ptr<ClusterMember>> open_cluster_member(
    const NodeSettings& settings, storage::Log& log, const Clock& clock,
    std::function<void(std::span<const storage::TopicPartition>)> on_changed) {
  const NodeSettings::Cluster& cluster = settings.cluster;
  if (cluster.id.empty()) {
    TRY(check_alone(log));
    return std::unique_ptr<ClusterMember>();
  }
  ClusterMemberOptions options;
  options.cluster_id = cluster.id;
  options.node = NodeId{cluster.node_id};
  options.rack = cluster.rack;
  options.listen = cluster.nodes;
  options.advertised = cluster.nodes_advertised;
  options.etcd = etcd_endpoints(settings);
  options.on_changed = std::move(on_changed);
  if (!cluster.tls.certificate.empty())
    options.tls =
        NodeTlsFiles{cluster.tls.certificate, cluster.tls.key, cluster.tls.client_authority};
  ClusterSettings& how = options.settings;
  how.replicas.min_insync_replicas = static_cast<size_t>(cluster.min_insync_replicas);
  how.controller.min_insync_replicas = how.replicas.min_insync_replicas;
  how.replicas.lag_time_max_us = cluster.replica_lag_time_max_ms * 1'000;
  how.cuts.commands = cluster.snapshot_commands;
  how.controller.session_timeout_us = cluster.session_timeout_ms * 1'000;
  constexpr int64_t kBeatsPerSession = 5;
  how.heartbeat_us = how.controller.session_timeout_us / kBeatsPerSession;
  return ClusterMember::open(std::move(options), log, clock);
}

MetadataApplier::Placement placement_by(const ClusterMember* member) {
  if (member == nullptr) return {};
  const auto place = [member](const ReplicaWish& wish, const storage::TopicDelta& delta,
                              storage::MetadataCommand& command) -> Status {
    const int32_t factor = wish.factor.value_or(member->view()->default_replication_factor());
    return member->place(delta, {factor, wish.replicas}, command);
  };
  const auto is_here = [member](const storage::TopicInfo& topic) {
    const auto view = member->view();
    for (PartitionId i{0}; i < PartitionId{topic.partition_count}; ++i)
      if (const auto* known = view->metadata->find({topic.id, i});
          known && known->has_replica(view->self))
        return true;
    return false;
  };
  return {place, is_here};
}

MetadataApplier::LeadersEnd leaders_end_by(ClusterMember& member) {
  return [&member](const storage::TopicPartition& partition) -> Result<Offset> {
    constexpr auto kPatience = std::chrono::seconds(10);
    const auto answer = std::make_shared<std::promise<Result<Offset>>>();
    member.ask_ends({partition}, [answer](const auto& ends) {
      answer->set_value(ends ? Result<Offset>(ends->front().second) : Result<Offset>(ends.error()));
    });
    auto told = answer->get_future();
    if (told.wait_for(kPatience) == std::future_status::ready) return told.get();
    return Error{ErrorCode::NotLeader, "no leader tells how far a partition goes"};
  };
}

}  // namespace server
