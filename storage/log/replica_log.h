// The log as replication uses it. It decides nothing: the leader, its epoch, and the progress of
// the followers are inputs.
#pragma once
#include <functional>

#include "storage/log/log.h"

namespace storage {

// Invariants:
//   1. a leader assigns offsets; a follower keeps the ones that it receives;
//   2. a request of an old epoch is refused (FencedLeaderEpoch), and changes nothing;
//   3. the high watermark never moves backwards, except by truncation, and except for a follower
//      after an unclean election.
//
// Threads: all methods from any thread; callbacks as those of the log.
// Owner: the replication code; destroyed before the Log.
class ReplicaLog {
 public:
  explicit ReplicaLog(Log& log) : core_(log.core()) {}

  // Sets the node's role for the partition. Under one epoch a partition may gain and lose
  // followers, but not change its leader. Appends that wait to become visible fail with NotLeader
  // when the node becomes a follower.
  //
  // `unclean` is the epoch that the last unclean election began. A follower that has had no role
  // since then does not know which of its records the leader has, so nothing is visible until the
  // leader's high watermark arrives.
  void set_role(const TopicPartition& partition, ReplicaRole role, LeaderEpoch epoch,
                std::function<void(Status)> done, LeaderEpoch unclean = {});

  // Appends as a follower. Fails with OutOfOrderSequence if a batch begins before the log end, and
  // with CorruptRecord if epochs decrease. Bounded like Log::try_append().
  bool try_follow(FollowRequest& request, AppendDone& done);

  // Sets the high watermark to `offset`, before which all followers that count have everything. It
  // changes in memory only, and is stored with the next write, so it may be lower after a crash.
  // Returns false if nothing changes.
  bool advance_high_watermark(const TopicPartition& partition, LeaderEpoch epoch, Offset offset);

  // Removes whole batches at `end` and after it, from the end backwards. Answers with the log end,
  // which is before `end` if a batch reached over it. A crash in between leaves the truncation half
  // done, from the end.
  void truncate(const TopicPartition& partition, LeaderEpoch epoch, Offset end,
                std::function<void(Result<Offset>)> done);
  // Removes everything, and begins at `start`: for a follower that is behind its leader's log
  // start. `producers` is the leader's producer_snapshot().
  void start_at(const TopicPartition& partition, LeaderEpoch epoch, Offset start,
                std::string producers, std::function<void(Status)> done);

  // Replaces the partition by an empty one, which follows under `epoch`: for a node that no longer
  // has a replica, or gets a new one later.
  void renew(const TopicPartition& partition, LeaderEpoch epoch, std::function<void(Status)> done);

  // Returns the epoch of the last record, which a follower sends with a fetch; nothing if there is
  // no record.
  Result<std::optional<LeaderEpoch>> last_epoch(const TopicPartition& partition) const;
  // Returns the answer to OffsetsForLeaderEpoch.
  Result<EpochEnd> end_of_epoch(const TopicPartition& partition, LeaderEpoch asked) const;
  // Returns the states of the partition's producers as of the high watermark.
  Result<std::string> producer_snapshot(const TopicPartition& partition) const;

 private:
  LogCore& core_;
};

}  // namespace storage
