#include "server/node/cluster_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>

#include "base/log.h"
#include "storage/meta/begun_join.h"
#include "storage/meta/cluster_membership.h"

namespace server {

namespace {

// Deletes the record of an unfinished join (millrace cluster join). The join is based on the state
// of the server at that time, and the server is about to change this state, so the join has to
// begin again.
Status forget_join(storage::Log& log) {
  const auto begun = TRY(storage::read_begun_join(log));
  if (!begun) return {};
  log_warn(
      "a join was started and has not finished, the server runs alone until the join is repeated "
      "cluster={} node={}",
      begun->cluster_id, begun->node.value());
  return storage::forget_begun_join(log);
}

}  // namespace

Status check_alone(storage::Log& log) {
  const auto known = TRY(storage::read_cluster_membership(log));
  if (!known) return forget_join(log);
  return Error{ErrorCode::ObjectState,
               fmt::format("the data directory belongs to node {} of cluster \"{}\"",
                           known->node.value(), known->cluster_id),
               {},
               fmt::format("Start it with --cluster {} --node-id {} --etcd URL,..., or choose "
                           "another --data-dir.",
                           known->cluster_id, known->node.value())};
}

Result<std::unique_ptr<ClusterMember>> open_cluster_member(
    const NodeSettings& settings, storage::Log& log, const Clock& clock,
    std::function<void(std::span<const storage::TopicPartition>)> on_changed) {
  const NodeSettings::Cluster& cluster = settings.cluster;
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
  how.replicas.awaits_observed = true;
  how.replicas.lag_time_max_us = cluster.replica_lag_time_max_ms * 1'000;
  how.cuts.commands = cluster.snapshot_commands;
  how.scrub.bytes_per_second = cluster.scrub_bytes_per_second;
  how.scrub.round_us = cluster.scrub_interval_ms * 1'000;
  how.controller.balance_us = cluster.balance_s * 1'000'000;
  how.controller.session_timeout_us = cluster.session_timeout_ms * 1'000;
  // etcd may need some time to elect its leader, and a node may need some time to load a snapshot.
  constexpr int64_t kSessionsBehind = 10, kBeatsPerSession = 5;
  how.controller.metadata_lag_max_us = how.controller.session_timeout_us * kSessionsBehind;
  // The time between two heartbeats has an upper limit: the controller may run on a node with a
  // shorter session timeout than this node, and would fence this node if it sent heartbeats too
  // rarely for that timeout.
  constexpr int64_t kLongestBeatUs = 100'000;
  how.heartbeat_us = std::min(how.controller.session_timeout_us / kBeatsPerSession, kLongestBeatUs);
  return ClusterMember::open(std::move(options), log, clock);
}

Status MemberFacts::place(const ReplicaWish& wish, const storage::TopicDelta& delta,
                          storage::MetadataCommand& command) const {
  const int32_t factor = wish.factor.value_or(member_.view()->default_replication_factor());
  return member_.place(delta, {factor, wish.replicas}, command);
}

bool MemberFacts::has_replicas(const storage::TopicInfo& topic) const {
  const auto view = member_.view();
  for (PartitionId i{0}; i < PartitionId{topic.partition_count}; ++i)
    if (const auto* known = view->metadata->find({topic.id, i});
        known && known->has_replica(view->self))
      return true;
  return false;
}

storage::FeatureLevel MemberFacts::level() const {
  const auto metadata = member_.view()->metadata;
  return metadata ? metadata->feature_level() : storage::kFirstLevel;
}

std::optional<int32_t> MemberFacts::node_number() const { return member_.view()->self.value(); }

Result<std::optional<NodeProcess>> MemberFacts::process() const {
  const auto view = member_.view();
  const storage::ClusterNode* known = view->metadata ? view->metadata->find(view->self) : nullptr;
  if (known != nullptr) return std::optional(NodeProcess{known->id, known->epoch});
  return Error{ErrorCode::NotLeader, "this node is not part of the cluster"};
}

// Only the controller knows whether a process has ended. Other nodes assume that the process runs.
Presence MemberFacts::presence(const NodeProcess& process) const {
  const auto view = member_.view();
  if (!view->metadata || view->controller_id != view->self.value()) return Presence::There;
  const storage::ClusterNode* known = view->metadata->find(process.node);
  if (known == nullptr || known->epoch != process.epoch) return Presence::Gone;
  return known->is_fenced ? Presence::Away : Presence::There;
}

void MemberFacts::announce(Revision revision, std::function<void()> done) const {
  member_.await_applied(revision, std::move(done));
}

storage::UncleanElections unclean_elections_by(const ClusterMember& member) {
  const auto metadata = member.view()->metadata;
  return metadata ? metadata->unclean_elections() : storage::UncleanElections();
}

void ElectionWatch::told_until(const storage::UncleanElections& elections) {
  for (const auto& [partition, election] : elections) told_ = std::max(told_, election.revision);
}

std::vector<storage::TopicPartition> ElectionWatch::take_new(
    const storage::UncleanElections& elections, std::span<const storage::TopicPartition> changed) {
  std::vector<storage::TopicPartition> found;
  if (elections.empty()) return found;
  for (const storage::TopicPartition& partition : changed)
    if (const auto* election = elections.get(partition);
        election != nullptr && election->revision > told_)
      found.push_back(partition);
  told_until(elections);
  return found;
}

Result<Offset> MemberFacts::find_end(const storage::Log&,
                                     const storage::TopicPartition& partition) const {
  constexpr auto kPatience = std::chrono::seconds(10);
  const auto answer = std::make_shared<std::promise<Result<Offset>>>();
  member_.ask_ends({partition}, std::chrono::microseconds(kPatience).count(),
                   [answer](const auto& ends) {
                     answer->set_value(ends ? Result<Offset>(ends->front().second)
                                            : Result<Offset>(ends.error()));
                   });
  auto end = answer->get_future();
  if (end.wait_for(kPatience) == std::future_status::ready) return end.get();
  return Error{ErrorCode::NotLeader, "no leader has reported the end of a partition"};
}

}  // namespace server
