// The leader's side of the replication of a partition.
#pragma once
#include <map>
#include <vector>

#include "storage/replica/in_sync_set.h"
#include "storage/replica/replica_context.h"

namespace storage {

// Answers fetches, counts acknowledgements, advances the high watermark, and proposes changes of the ISR.
//
// A fetch that finds no new records is kept in `parked_` until records arrive, for at most Kafka's
// fetch.max.wait.ms.
//
// Threads: the replicas' loop. Owner: a ReplicaManager, as long as this node leads under the leader
// epoch of the assignment.
class LeaderReplica {
 public:
  // Precondition: the log has set the partition's role to Leader.
  LeaderReplica(ReplicaContext& context, PartitionAssignment assignment);

  void reassign(PartitionAssignment assignment);
  void on_fetch(const ReplicaFetch& fetch);
  // Called when the log has grown.
  void appended();
  void tick();

  const PartitionAssignment& assignment() const { return in_sync_.assignment(); }
  bool has_min_isr() const { return in_sync_.has_min_isr(); }
  // Returns the offset up to which readers of committed records may read. No open transaction
  // begins before it.
  Result<Offset> readable_end() const;
  bool has_all_of_before() const { return in_sync_.has_all_of_before(); }
  Offset begin() const { return in_sync_.begin(); }
  std::vector<NodeId> heirs() const { return in_sync_.heirs(); }
  // Returns whether the logs of all in-sync replicas begin at or after `start`. If so, a later
  // leader cannot have records before `start`.
  bool have_all_trimmed(Offset start) const;

 private:
  struct Parked {
    ReplicaFetch fetch;
    int64_t since_us;
  };
  enum class Patience : uint8_t { Waits, AnswersNow };
  // Returns whether an answer was sent.
  bool answer(const ReplicaFetch& fetch, Patience patience);
  Result<ReplicaFetched> answer_to(const ReplicaFetch& fetch);
  Status check(const ReplicaFetch& fetch) const;
  bool has_new_start(const ReplicaFetch& fetch) const;
  bool may_send(NodeId follower);
  // Returns the end of the newest epoch that both logs have, if the logs diverge; nothing if the
  // follower's log is a prefix of this log.
  Result<std::optional<EpochEnd>> divergence_of(const ReplicaFetch& fetch) const;
  Result<Offset> first_kept() const;
  // Returns the batches from `from` on, at least one batch if one exists.
  Result<std::string> read(Offset from, size_t max_bytes) const;
  void publish();

  ReplicaContext& context_;
  const std::shared_ptr<const PartitionStatus> status_;
  InSyncSet in_sync_;
  std::map<NodeId, Parked> parked_;
  // For each follower: `known` is the start of the follower's log in its last report, and `told` is
  // the leader's log start that was last sent to the follower. Each log start is sent only once,
  // because a follower may deliberately keep more records.
  struct Start {
    std::optional<Offset> known;  // nothing: the follower runs a version that does not report it
    Offset told;
  };
  std::map<NodeId, Start> starts_;
};

}  // namespace storage
