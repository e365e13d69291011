#include "storage/replica/in_sync_set.h"

#include <algorithm>
#include <cassert>

namespace storage {

InSyncSet::InSyncSet(NodeId self, NodeEpoch node_epoch, PartitionAssignment assignment,
                     Offset log_end, Offset high_watermark, int64_t now_us,
                     const ReplicaSettings& settings, const ReplicaRules& rules)
    : self_(self),
      node_epoch_(node_epoch),
      assignment_(std::move(assignment)),
      log_end_(log_end),
      high_watermark_(high_watermark),
      begin_(log_end),
      settings_(settings),
      rules_(rules) {
  // Each follower counts as caught up now. Otherwise followers would be late before they had time
  // to fetch.
  for (const NodeId node : assignment_.replicas)
    if (node != self_) followers_[node].caught_up_us = now_us;
  advance();
}

void InSyncSet::reassign(PartitionAssignment assignment, int64_t now_us) {
  assert(assignment.leader_epoch == assignment_.leader_epoch);
  if (assignment.version <= assignment_.version) return;
  assignment_ = std::move(assignment);
  proposed_.clear();
  left_out_.clear();
  proposed_us_ = INT64_MIN / 2;
  std::erase_if(followers_, [&](const auto& each) { return !assignment_.has_replica(each.first); });
  for (const NodeId node : assignment_.replicas)
    if (node != self_ && !followers_.contains(node)) followers_[node].caught_up_us = now_us;
  advance();
}

void InSyncSet::appended(Offset log_end) {
  assert(log_end >= log_end_);
  log_end_ = log_end;
  advance();
}

void InSyncSet::fetched(NodeId node, NodeEpoch epoch, Offset end, int64_t now_us,
                        bool refuses_appends) {
  const auto found = followers_.find(node);
  if (found == followers_.end()) return;
  Follower& follower = found->second;
  if (epoch < follower.epoch) return;  // a late fetch of an earlier process of that node
  if (epoch > follower.epoch) follower = {.epoch = epoch, .caught_up_us = follower.caught_up_us};
  // Fetches may arrive out of order. A fetch whose end is smaller than the known end is an older
  // one, and is ignored.
  if (follower.end && end < *follower.end) return;
  if (end >= log_end_)
    follower.caught_up_us = now_us;
  else if (follower.end && end >= follower.log_end_at_fetch)
    follower.caught_up_us = std::max(follower.caught_up_us, follower.fetched_us);
  follower.end = end;
  follower.log_end_at_fetch = log_end_;
  follower.fetched_us = now_us;
  follower.refuses_appends = refuses_appends;
  advance();
}

bool InSyncSet::counts(NodeId node) const {
  if (rules_.counts_proposed && proposed_.contains(node)) return true;
  if (!rules_.shrinks_when_committed && left_out_.contains(node)) return false;
  return assignment_.is_in_sync(node);
}

std::vector<NodeId> InSyncSet::heirs() const {
  std::vector<NodeId> heirs;
  for (const auto& [node, follower] : followers_)
    if (assignment_.is_in_sync(node) || proposed_.contains(node)) heirs.push_back(node);
  return heirs;
}

void InSyncSet::advance() {
  if (rules_.needs_min_isr && !has_min_isr()) return;
  Offset least = log_end_;
  for (const auto& [node, follower] : followers_) {
    if (!counts(node)) continue;
    if (!follower.end) return;
    least = std::min(least, *follower.end);
  }
  high_watermark_ = std::max(high_watermark_, least);
  assert(high_watermark_ <= log_end_);
}

// Returns whether a proposed node is not in the ISR of the metadata. Such a node counts for the
// high watermark until newer metadata excludes it, even if it was fenced meanwhile. So a new
// proposal is needed; otherwise the node's end offset could stop the high watermark for ever.
bool InSyncSet::is_undecided() const {
  return std::ranges::any_of(proposed_, [&](NodeId node) { return !assignment_.is_in_sync(node); });
}

// Returns whether a follower may join the ISR. A late follower may not join even if it had all
// visible records at its last fetch, because the next proposal would remove it again.
bool InSyncSet::may_join(NodeId node, const Follower& follower, const ClusterSnapshot& cluster,
                         int64_t late_before_us) const {
  const ClusterNode* known = cluster.find(node);
  if (known == nullptr || known->is_fenced || !follower.end ||
      follower.caught_up_us < late_before_us)
    return false;
  if (rules_.checks_node_epochs && known->epoch != follower.epoch) return false;
  return !rules_.joins_caught_up || (*follower.end >= high_watermark_ && *follower.end >= begin_);
}

std::optional<IsrProposal> InSyncSet::propose(const ClusterSnapshot& cluster, int64_t now_us,
                                              int64_t late_before_us) {
  if (now_us - proposed_us_ < settings_.retry_us) return std::nullopt;
  const auto belongs = [&](NodeId node) {
    const Follower& follower = followers_.at(node);
    if (follower.refuses_appends) return false;
    return assignment_.is_in_sync(node) ? follower.caught_up_us >= late_before_us
                                        : may_join(node, follower, cluster, late_before_us);
  };
  // Returns early if nothing changes, which is the usual case. The speed matters because this code
  // runs for each partition at each tick.
  const bool is_other = std::ranges::any_of(assignment_.replicas, [&](NodeId node) {
    return node != self_ && belongs(node) != assignment_.is_in_sync(node);
  });
  if (!is_other && !is_undecided()) return std::nullopt;
  IsrProposal proposal{assignment_.partition, self_, node_epoch_, assignment_.leader_epoch,
                       assignment_.version,   {}};
  std::set<NodeId> out;
  for (const NodeId node : assignment_.replicas) {
    if (node == self_) {
      proposal.isr.push_back({node, node_epoch_});
      continue;
    }
    if (!belongs(node)) {
      if (assignment_.is_in_sync(node)) out.insert(node);
      continue;
    }
    // If a member has not fetched since this leader epoch began, its node epoch is taken from its
    // registration.
    const Follower& follower = followers_.at(node);
    const ClusterNode* known = cluster.find(node);
    proposal.isr.push_back({node, follower.end ? follower.epoch
                                  : known      ? known->epoch
                                               : NodeEpoch{}});
  }
  proposed_us_ = now_us;
  for (const IsrProposal::Member& member : proposal.isr) proposed_.insert(member.node);
  left_out_ = std::move(out);
  advance();
  return proposal;
}

}  // namespace storage
