#include "storage/replica/replica_manager.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "base/log.h"
#include "storage/log/log_statistics.h"
#include "storage/meta/closed_partition.h"
#include "storage/replica/on_loop.h"

namespace storage {

namespace {

Error not_led() { return {ErrorCode::NotLeader, "this node is not the leader of the partition"}; }

}  // namespace

ReplicaManager::ReplicaManager(NodeId self, Log& log, LogReader& reader, ReplicaPort& port,
                               const Clock& clock, ReplicaSettings settings, ReplicaRules rules)
    : context_{self, log, ReplicaLog(log), reader, port, clock, settings, rules, {}, {}},
      observed_(settings.awaits_observed ? std::nullopt
                                         : std::optional<std::set<Uuid>>(std::in_place)) {}

bool ReplicaManager::keeps(const PartitionAssignment& assignment) const {
  return assignment.has_replica(context_.self) ||
         (observed_ && observed_->contains(assignment.partition.topic));
}

ReplicaRole ReplicaManager::role_of(const PartitionAssignment& assignment) const {
  if (assignment.leader != context_.self) return ReplicaRole::Follower;
  return assignment.replicas.size() == 1 ? ReplicaRole::Alone : ReplicaRole::Leader;
}

bool ReplicaManager::is_suspended(const PartitionAssignment& assignment) const {
  return is_suspended_ && assignment.leader == context_.self;
}

void ReplicaManager::suspend(bool is_suspended) {
  if (std::exchange(is_suspended_, is_suspended) == is_suspended) return;
  std::vector<TopicPartition> all;
  for (const auto& [partition, replica] : replicas_) all.push_back(partition);
  for (const TopicPartition& partition : all) realise(replicas_.at(partition));
}

void ReplicaManager::apply(std::shared_ptr<const ClusterSnapshot> cluster, NodeEpoch node_epoch,
                           std::span<const TopicPartition> changed) {
  context_.cluster = std::move(cluster);
  context_.node_epoch = node_epoch;
  context_.leader_budget.set_rate(context_.cluster->number_setting(context_.self, kLeaderThrottle));
  context_.follower_budget.set_rate(
      context_.cluster->number_setting(context_.self, kFollowerThrottle));
  for (const TopicPartition& partition : changed) apply_one(partition);
}

void ReplicaManager::observe(std::set<Uuid> topics) {
  const auto before = std::exchange(observed_, std::move(topics));
  if (!context_.cluster) return;  // the first call of apply() applies all partitions
  if (!before) {
    for (const auto& [partition, assignment] : context_.cluster->partitions()) apply_one(partition);
    return;
  }
  std::vector<Uuid> changed;
  std::ranges::set_symmetric_difference(*before, *observed_, std::back_inserter(changed));
  for (const Uuid& topic : changed)
    for (TopicPartition each{topic, PartitionId{0}}; context_.cluster->find(each) != nullptr;
         each.partition = each.partition + 1)
      apply_one(each);
}

void ReplicaManager::apply_one(const TopicPartition& partition) {
  const PartitionAssignment* assignment = context_.cluster->find(partition);
  if (assignment == nullptr) {
    const auto had = replicas_.find(partition);
    if (had == replicas_.end()) return;
    end_role(partition, had->second);
    replicas_.erase(had);
    return;
  }
  if (!keeps(*assignment) && !replicas_.contains(partition) &&
      (!observed_ || !has_some_of(partition)))
    return;
  // No leader has been elected yet, so this node has nothing to follow.
  if (!assignment->leader && assignment->leader_epoch == LeaderEpoch{0}) return;
  const auto [found, is_new] = replicas_.try_emplace(partition);
  found->second.wanted = *assignment;
  realise(found->second);
}

// Requests the replica's wanted role from the log. If the metadata changes again before the log
// answers, the newest role is requested then.
void ReplicaManager::realise(Replica& replica) {
  if (replica.is_asking) return;
  const PartitionAssignment& wanted = replica.wanted;
  if (!keeps(wanted)) return observed_ ? forget(replica) : end_role(wanted.partition, replica);
  if (is_suspended(wanted)) return end_role(wanted.partition, replica);
  const ReplicaRole role = role_of(wanted);
  const bool has_role = replica.leader || replica.follower;
  if (has_role && replica.asked == role && replica.asked_epoch == wanted.leader_epoch) {
    if (replica.leader) replica.leader->reassign(wanted);
    if (replica.follower) replica.follower->reassign(wanted);
    return;
  }
  const TopicPartition partition = wanted.partition;
  end_role(partition, replica);
  replica.is_asking = true;
  if (!context_.log.find_partition(partition)) return make_partition(partition);
  replica.asked = role;
  replica.asked_epoch = wanted.leader_epoch;
  const UncleanElection* unclean = context_.cluster->unclean_elections().get(partition);
  context_.replica_log.set_role(
      partition, role, wanted.leader_epoch,
      on_loop<Status>(context_.port, alive_,
                      [this, partition, epoch = wanted.leader_epoch](const Status& status) {
                        role_taken(partition, epoch, status);
                      }),
      unclean == nullptr ? LeaderEpoch{} : unclean->epoch);
}

bool ReplicaManager::has_some_of(const TopicPartition& partition) const {
  const auto status = context_.log.find_partition(partition);
  return status && status->log_end() > Offset{0};
}

// Deletes the replica. No record is lost, because the remaining replicas had all records before the metadata
// removed this replica.
void ReplicaManager::forget(Replica& replica) {
  const TopicPartition partition = replica.wanted.partition;
  end_role(partition, replica);
  // Even an empty log may receive records, because a write of the former follower may still be in
  // progress.
  const bool may_get_some = replica.asked.has_value();
  replica.asked.reset();
  if (!may_get_some && !has_some_of(partition)) {
    replicas_.erase(partition);
    return;
  }
  replica.is_asking = true;
  context_.replica_log.renew(
      partition, replica.wanted.leader_epoch,
      on_loop<Status>(context_.port, alive_, [this, partition](const Status& status) {
        const auto found = replicas_.find(partition);
        if (found == replicas_.end()) return;
        found->second.is_asking = false;
        if (status) return realise(found->second);
        role_taken(partition, {}, status);
      }));
}

void ReplicaManager::end_role(const TopicPartition& partition, Replica& replica) {
  replica.follower.reset();
  if (!replica.leader) return;
  replica.leader.reset();
  context_.port.leads_no_more(partition);
}

void ReplicaManager::make_partition(const TopicPartition& partition) {
  context_.log.create_partitions(
      partition.topic, partition.partition.value() + 1,
      on_loop<Status>(context_.port, alive_, [this, partition](const Status& status) {
        const auto found = replicas_.find(partition);
        if (found == replicas_.end()) return;
        found->second.is_asking = false;
        if (status) return realise(found->second);
        role_taken(partition, {}, status);
      }));
}

void ReplicaManager::role_taken(const TopicPartition& partition, LeaderEpoch epoch,
                                const Status& status) {
  const auto found = replicas_.find(partition);
  if (found == replicas_.end()) return;
  Replica& replica = found->second;
  replica.is_asking = false;
  if (!status) {
    log_warn("a replica cannot take its role partition={} epoch={} error=\"{}\"",
             partition.partition.value(), epoch.value(), status.error().message);
    replica.asked.reset();
    replica.retry_at_us = context_.clock.monotonic_us() + context_.settings.retry_us;
    return;
  }
  if (!is_suspended(replica.wanted) && replica.asked == role_of(replica.wanted) &&
      keeps(replica.wanted) && replica.asked_epoch == replica.wanted.leader_epoch) {
    if (*replica.asked == ReplicaRole::Follower)
      replica.follower = std::make_unique<FollowerReplica>(context_, replica.wanted);
    else
      replica.leader = std::make_unique<LeaderReplica>(context_, replica.wanted);
    if (replica.leader) context_.port.leads(partition);
  }
  realise(replica);
}

void ReplicaManager::on_fetch(const ReplicaFetch& fetch) {
  const auto found = replicas_.find(fetch.partition);
  if (found != replicas_.end() && found->second.leader)
    return found->second.leader->on_fetch(fetch);
  ReplicaFetched refused;
  refused.partition = fetch.partition;
  refused.number = fetch.number;
  refused.leader_epoch = fetch.leader_epoch;
  refused.error = not_led();
  context_.port.send(fetch.follower, std::move(refused));
}

void ReplicaManager::on_fetched(ReplicaFetched fetched) {
  const auto found = replicas_.find(fetched.partition);
  if (found != replicas_.end() && found->second.follower)
    found->second.follower->on_fetched(std::move(fetched));
}

void ReplicaManager::on_durable(std::span<const TopicPartition> grown) {
  for (const TopicPartition& partition : grown) {
    const auto found = replicas_.find(partition);
    if (found != replicas_.end() && found->second.leader) found->second.leader->appended();
  }
}

void ReplicaManager::on_connected(NodeId node) {
  for (auto& [partition, replica] : replicas_)
    if (replica.follower && replica.follower->assignment().leader == node)
      replica.follower->ask_again();
}

void ReplicaManager::tick() {
  note_space();
  const int64_t now_us = context_.clock.monotonic_us();
  std::vector<TopicPartition> due;
  for (const auto& [partition, replica] : replicas_)
    if (!replica.asked && !replica.is_asking && now_us >= replica.retry_at_us)
      due.push_back(partition);
  for (const TopicPartition& partition : due) realise(replicas_.at(partition));
  for (auto& [partition, replica] : replicas_) {
    if (replica.leader) replica.leader->tick();
    if (replica.follower) replica.follower->tick();
  }
}

// Followers fetch immediately when the disk becomes full. The leaders then remove them from the ISR
// before the next record would have to wait for them.
void ReplicaManager::note_space() {
  const bool refuses = statistics_of(context_.log).refuses_appends;
  if (refuses == context_.refuses_appends) return;
  context_.refuses_appends = refuses;
  for (auto& [partition, replica] : replicas_)
    if (replica.follower) replica.follower->ask_again();
}

std::string ReplicaManager::describe(const TopicPartition& partition) const {
  const auto found = replicas_.find(partition);
  if (found == replicas_.end()) return "no replica";
  const Replica& replica = found->second;
  if (replica.leader) return "leads";
  if (replica.follower) return replica.follower->describe();
  return replica.is_asking ? "waits for its log to take a role" : "has no role";
}

std::optional<LeaderEpoch> ReplicaManager::follows_under(const TopicPartition& partition) const {
  const auto found = replicas_.find(partition);
  if (found == replicas_.end() || !found->second.follower) return std::nullopt;
  return found->second.follower->assignment().leader_epoch;
}

Result<const LeaderReplica*> ReplicaManager::find_leader(const TopicPartition& partition) const {
  const auto found = replicas_.find(partition);
  if (found == replicas_.end() || !found->second.leader) return not_led();
  return found->second.leader.get();
}

Status ReplicaManager::check_leads(const TopicPartition& partition) const {
  const LeaderReplica* leader = TRY(find_leader(partition));
  if (leader->has_min_isr()) return {};
  const PartitionAssignment& assignment = leader->assignment();
  const size_t in_sync = assignment.isr.size();
  const auto cluster_min = static_cast<int32_t>(context_.settings.min_insync_replicas);
  return Error{
      ErrorCode::NotEnoughReplicas,
      fmt::format(
          "{} in sync, and min.insync.replicas asks for {}",
          in_sync == 1 ? "1 replica is" : fmt::format("{} replicas are", in_sync),
          is_closed(assignment) ? cluster_min : assignment.own_min_insync.value_or(cluster_min))};
}

}  // namespace storage
