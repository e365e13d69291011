// Tracks the followers of a leader: computes the in-sync replicas and the high watermark from the
// end offset of each follower.
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
  // Longest time until a controller that is cut off from all other nodes detects this and resigns.
  // See ReplicaContext::late_before_us().
  int64_t unheard_max_us = 0;
  int64_t fetch_wait_us = 500'000;       // how long a leader holds a fetch that finds no records
  int64_t fetch_timeout_us = 2'000'000;  // after this time a follower repeats its fetch
  int64_t retry_us = 50'000;             // pause after an error or an unanswered proposal
  size_t fetch_max_bytes = 1 << 20;
  // Set if ReplicaManager::observe() will be called with the topics that this node observes. No
  // replica is deleted before that call, because this node may have to keep it as an observer.
  bool awaits_observed = false;
};

// The leader's part of Kafka's class Partition, for one leader epoch.
//
//   high watermark = the smallest log end of all members of the ISR in the metadata and of all ISRs
//   that were proposed since then. If this leader fails, the controller may have accepted any of
//   these proposals, and the next leader is elected from the accepted ISR. It has all visible
//   records in each case.
//
// Invariants:
//   1. the high watermark never moves backwards;
//   2. it does not move while the ISR has fewer than min.insync.replicas members.
//
// Threads: one. Owner: a ReplicaManager, for as long as it leads under the epoch.
class InSyncSet {
 public:
  InSyncSet(NodeId self, NodeEpoch node_epoch, PartitionAssignment assignment, Offset log_end,
            Offset high_watermark, int64_t now_us, const ReplicaSettings& settings,
            const ReplicaRules& rules);

  // Takes a newer version of the assignment, under the same leader epoch. The new version shows the
  // outcome of all proposals that were sent for the previous one.
  void reassign(PartitionAssignment assignment, int64_t now_us);
  void appended(Offset log_end);
  // Precondition: the follower has synced everything before `end`, and it agrees with this log.
  void fetched(NodeId follower, NodeEpoch follower_epoch, Offset end, int64_t now_us,
               bool refuses_appends = false);

  Offset high_watermark() const { return high_watermark_; }
  const PartitionAssignment& assignment() const { return assignment_; }
  bool has_min_isr() const {
    return assignment_.isr.size() >= assignment_.least_in_sync(settings_.min_insync_replicas);
  }

  // Returns the log end offset with which this leader epoch started.
  Offset begin() const { return begin_; }
  // Returns whether all records from before this leader epoch are visible.
  bool has_all_of_before() const { return high_watermark_ >= begin_; }
  // Returns the replicas that could be elected next: members of the ISR in the metadata, or of an
  // ISR that was proposed since then.
  std::vector<NodeId> heirs() const;

  // Returns the ISR to propose to the controller. Returns nothing if the ISR in the metadata is
  // right, or if a proposal was sent less than retry_us ago.
  //
  // If an earlier proposal has no outcome yet and is no longer wanted, the ISR of the metadata is
  // proposed again: the controller may or may not have accepted the earlier proposal, and only a
  // newer version of the assignment settles this.
  //
  // A follower is not in sync if it last caught up before `late_before_us`, or if its disk is full.
  // Without the rule for full disks, the next record would have to wait until the follower is late
  // (KIP-858 also removes failed log directories immediately).
  std::optional<IsrProposal> propose(const ClusterSnapshot& cluster, int64_t now_us,
                                     int64_t late_before_us);

 private:
  struct Follower {
    NodeEpoch epoch = {};
    std::optional<Offset> end = {};  // nothing before its first fetch
    // The last time at which the follower had all records of the leader's log (Kafka's
    // lastCaughtUpTime).
    int64_t caught_up_us = 0;
    Offset log_end_at_fetch = {};  // the leader's log end at the last fetch
    int64_t fetched_us = 0;
    bool refuses_appends = false;  // the follower's disk was full at its last fetch
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
  const Offset begin_;  // the log end when this leader epoch began
  const ReplicaSettings& settings_;
  const ReplicaRules& rules_;
  std::map<NodeId, Follower> followers_;
  // All nodes that were members of a proposal for this version of the assignment. The controller
  // may have accepted any of these proposals.
  std::set<NodeId> proposed_;
  // Members of the ISR in the metadata that the last proposal omits. The controller may have
  // accepted the proposal already.
  std::set<NodeId> left_out_;
  int64_t proposed_us_ = INT64_MIN / 2;
};

}  // namespace storage
