// The operations of the log that replication uses. They make no decisions: the leader, its epoch,
// and the progress of the followers are inputs.
#pragma once
#include <functional>

#include "storage/log/log.h"

namespace storage {

// Invariants:
//   1. a leader assigns offsets; a follower stores the offsets that it receives;
//   2. a request of an old epoch is refused (FencedLeaderEpoch), and changes nothing;
//   3. the high watermark never moves backwards, except by truncation, and except for a follower
//      after an unclean election.
//
// Threads: all methods from any thread; callbacks as those of the log.
// Owner: the replication code; destroyed before the Log.
class ReplicaLog {
 public:
  explicit ReplicaLog(Log& log) : core_(log.core()) {}

  // Sets the node's role for the partition. Within one epoch a partition may gain and lose
  // followers, but not change its leader. If the node becomes a follower, appends that wait to
  // become visible fail with NotLeader.
  //
  // `unclean` is the epoch that began with the last unclean election. If the node becomes a
  // follower and its stored role is older than that epoch, the new leader may lack some of the
  // node's records. In this case none of the node's records is visible until the leader's high
  // watermark arrives.
  void set_role(const TopicPartition& partition, ReplicaRole role, LeaderEpoch epoch,
                std::function<void(Status)> done, LeaderEpoch unclean = {});

  // Appends as a follower. Fails with OutOfOrderSequence if a batch begins before the log end, and
  // with CorruptRecord if epochs decrease. Bounded like Log::try_append().
  bool try_follow(FollowRequest& request, AppendDone& done);

  // Sets the high watermark to `offset`. The caller has checked that enough followers have all
  // records before it. The new value is kept in memory, and is stored with the partition's next
  // write, so after a crash the stored value may be lower. Returns false if nothing changes.
  bool advance_high_watermark(const TopicPartition& partition, LeaderEpoch epoch, Offset offset);

  // Removes the batches at `end` and after it, from the end of the log backwards. Answers with the
  // new log end. It is lower than `end` if a batch spans `end`, because that batch is removed as a
  // whole. If the process crashes during the truncation, only the last of these batches are
  // removed.
  void truncate(const TopicPartition& partition, LeaderEpoch epoch, Offset end,
                std::function<void(Result<Offset>)> done);
  // Removes all records, and lets the log begin at `start`. For a follower whose log ends before
  // its leader's log start. `producers` is the leader's producer_snapshot().
  void start_at(const TopicPartition& partition, LeaderEpoch epoch, Offset start,
                std::string producers, std::function<void(Status)> done);

  // Replaces the partition by an empty one, which follows its leader under `epoch`. For a node that
  // is no longer a replica of the partition and may become one again later.
  void renew(const TopicPartition& partition, LeaderEpoch epoch, std::function<void(Status)> done);

  // Returns the epoch of the last record, which a follower sends with a fetch; nothing if the log
  // has no record.
  Result<std::optional<LeaderEpoch>> last_epoch(const TopicPartition& partition) const;
  // Returns the answer to Kafka's OffsetsForLeaderEpoch: see EpochEnd.
  Result<EpochEnd> end_of_epoch(const TopicPartition& partition, LeaderEpoch asked) const;
  // Returns the states of the partition's producers as of the high watermark.
  Result<std::string> producer_snapshot(const TopicPartition& partition) const;

 private:
  LogCore& core_;
};

}  // namespace storage
