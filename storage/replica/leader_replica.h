// A partition's leader, as its followers meet it.
#pragma once
#include <map>
#include <vector>

#include "storage/replica/in_sync_set.h"
#include "storage/replica/replica_context.h"

namespace storage {

// Answers fetches, counts what they acknowledge, moves the high watermark, and asks for changes of the ISR.
//
// A fetch that there is nothing for waits here: until records come, for Kafka's fetch.max.wait.ms at most.
//
// Threads: the replicas' loop. Owner: a ReplicaManager, for as long as this node leads under the epoch.
class LeaderReplica {
 public:
  // The log has taken the role.
  LeaderReplica(ReplicaContext& context, PartitionAssignment assignment);

  void reassign(PartitionAssignment assignment);
  void on_fetch(const ReplicaFetch& fetch);
  // The log has more.
  void appended();
  void tick();

  const PartitionAssignment& assignment() const { return in_sync_.assignment(); }
  bool has_min_isr() const { return in_sync_.has_min_isr(); }
  // Of those who read what is committed: behind all transactions whose ends are visible.
  Result<Offset> readable_end() const;
  bool has_all_of_before() const { return in_sync_.has_all_of_before(); }
  Offset begin() const { return in_sync_.begin(); }
  std::vector<NodeId> heirs() const { return in_sync_.heirs(); }
  // Whether the logs of all who are in sync begin there, or behind it: whoever leads next shows nothing from before.
  bool have_all_trimmed(Offset start) const;

 private:
  struct Parked {
    ReplicaFetch fetch;
    int64_t since_us;
  };
  enum class Patience : uint8_t { Waits, AnswersNow };
  // Whether it was answered.
  bool answer(const ReplicaFetch& fetch, Patience patience);
  Result<ReplicaFetched> answer_to(const ReplicaFetch& fetch);
  Status check(const ReplicaFetch& fetch) const;
  bool has_new_start(const ReplicaFetch& fetch) const;
  bool may_send(NodeId follower);
  // Nothing where the follower's log is the front of this one.
  Result<std::optional<EpochEnd>> divergence_of(const ReplicaFetch& fetch) const;
  Result<Offset> first_kept() const;
  // At least one batch, where there is one.
  Result<std::string> read(Offset from, size_t max_bytes) const;
  void publish();

  ReplicaContext& context_;
  const std::shared_ptr<const PartitionStatus> status_;
  InSyncSet in_sync_;
  std::map<NodeId, Parked> parked_;
  // Where the followers' logs begin, as they have said, and where they were told last that it begins here: it is said once, as
  // a follower may keep more.
  struct Start {
    std::optional<Offset> known;  // nothing where a program does not say it
    Offset told;
  };
  std::map<NodeId, Start> starts_;
};

}  // namespace storage
