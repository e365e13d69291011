// What a leader knows of its followers: how far each is, who is in sync, and so the high watermark.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/ids.h"
#include "storage/meta/cluster_table.h"
#include "storage/replica/replica_messages.h"
#include "storage/replica/replica_rules.h"

namespace storage {

struct ReplicaSettings {
  size_t min_insync_replicas = 1;
  int64_t lag_time_max_us = 30'000'000;  // Kafka's replica.lag.time.max.ms
  // So long a controller may take to learn that nobody hears it: see ReplicaContext::late_before_us().
  int64_t unheard_max_us = 0;
  int64_t fetch_wait_us = 500'000;  // for so long a leader keeps a fetch that has nothing to get
  int64_t fetch_timeout_us = 2'000'000;  // after so long a follower asks again
  int64_t retry_us = 50'000;             // after an error, and for a proposal that got no answer
  size_t fetch_max_bytes = 1 << 20;
  // Somebody is going to tell which topics this node observes (ReplicaManager::observe()): nothing that it has is forgotten
  // before that.
  bool awaits_observed = false;
};

// The leader's own part of Kafka's Partition, of one leader epoch.
//
//   high watermark = the least end of all members, of the ISR as it was read from the metadata and of those
//   that were proposed since: whichever of the two holds when this leader goes, the next one has what is visible.
//
// Invariants:
//   1. the high watermark never goes back;
//   2. it stands still while the ISR has fewer than min.insync.replicas members.
//
// Threads: one. Owner: a ReplicaManager, for as long as it leads under the epoch.
class InSyncSet {
 public:
  InSyncSet(NodeId self, NodeEpoch node_epoch, PartitionAssignment assignment, Offset log_end,
            Offset high_watermark, int64_t now_us, const ReplicaSettings& settings,
            const ReplicaRules& rules);

  // A newer version of the assignment under the same leader epoch. What was proposed is decided by it.
  void reassign(PartitionAssignment assignment, int64_t now_us);
  void appended(Offset log_end);
  // The follower has synced everything before `end`, and this log has the same.
  void fetched(NodeId follower, NodeEpoch follower_epoch, Offset end, int64_t now_us);

  Offset high_watermark() const { return high_watermark_; }
  const PartitionAssignment& assignment() const { return assignment_; }
  bool has_min_isr() const {
    return assignment_.isr.size() >= assignment_.least_in_sync(settings_.min_insync_replicas);
  }

  // The end of what was there when this leader began.
  Offset begin() const { return begin_; }
  // All of that is visible.
  bool has_all_of_before() const { return high_watermark_ >= begin_; }
  // Who could be elected in its place: members of the ISR, as it was read or as it may be by now.
  std::vector<NodeId> heirs() const;

  // The ISR to ask the controller for. Nothing when it is as it should be, or was asked for a moment ago. The ISR as it
  // was read, where another one was proposed that is wanted no more: the controller may have taken that one or not, and
  // only a newer version of the assignment tells.
  // Late is who caught up last before `late_before_us`.
  std::optional<IsrProposal> propose(const ClusterSnapshot& cluster, int64_t now_us,
                                     int64_t late_before_us);

 private:
  struct Follower {
    NodeEpoch epoch = {};
    std::optional<Offset> end = {};  // nothing before its first fetch
    // It had everything that was there at that time (Kafka's lastCaughtUpTime).
    int64_t caught_up_us = 0;
    Offset log_end_at_fetch = {};  // the leader's, when it fetched last
    int64_t fetched_us = 0;
  };
  void advance();
  bool counts(NodeId node) const;
  bool is_undecided() const;
  bool may_join(NodeId node, const Follower& follower, const ClusterSnapshot& cluster,
                int64_t late_before_us) const;

  const NodeId self_;
  const NodeEpoch node_epoch_;
  PartitionAssignment assignment_;
  Offset log_end_;
  Offset high_watermark_;
  const Offset begin_;  // the log end when this leader began
  const ReplicaSettings& settings_;
  const ReplicaRules& rules_;
  std::map<NodeId, Follower> followers_;
  // Members of any proposal since the assignment's version: one of them may have been taken.
  std::set<NodeId> proposed_;
  std::set<NodeId> left_out_;  // of a proposal, likewise
  int64_t proposed_us_ = INT64_MIN / 2;
};

}  // namespace storage
