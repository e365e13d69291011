// The log as replication uses it. Nothing here decides anything: who leads, under which epoch, and how
// far the followers are, are inputs.
#pragma once
#include <functional>

#include "storage/log/log.h"

namespace storage {

// Invariants:
//   1. offsets are given by a leader; a follower keeps those that it gets;
//   2. what a request of an old epoch asks is refused (FencedLeaderEpoch), and changes nothing;
//   3. the high watermark never goes back, but by truncation, and before one that an unclean election may lead to.
//
// Threads: all methods from any thread; callbacks as those of the log.
// Owner: whoever replicates; gone before the Log is.
class ReplicaLog {
 public:
  explicit ReplicaLog(Log& log) : core_(log.core()) {}

  // From then on the node is this for the partition. Under one epoch a partition may get and lose its
  // followers, but not change its leader. Appends that wait to become visible fail with NotLeader.
  //
  // `unclean` is the epoch that the last unclean election began. A follower that has had no role since then does not know
  // what of its log the leader has: nothing is visible before it does.
  void set_role(const TopicPartition& partition, ReplicaRole role, LeaderEpoch epoch,
                std::function<void(Status)> done, LeaderEpoch unclean = {});

  // Appends as a follower. Fails with OutOfOrderSequence when a batch begins before the log end, with
  // CorruptRecord when epochs go back. Bounded, as Log::try_append().
  bool try_follow(FollowRequest& request, AppendDone& done);

  // The followers that count have everything before `offset`. In memory: stored with what is written
  // next, so less may be known after a crash. False when that changes nothing.
  bool advance_high_watermark(const TopicPartition& partition, LeaderEpoch epoch, Offset offset);

  // Removes what lies at `end` and behind it, whole batches, from the end backwards; answers with the
  // log end, which is before `end` when a batch reached over it. A crash in between leaves the
  // truncation half done, from the end.
  void truncate(const TopicPartition& partition, LeaderEpoch epoch, Offset end,
                std::function<void(Result<Offset>)> done);
  // Removes everything, and begins at `start`: for a follower that is behind its leader's log start.
  // `producers` is the leader's producer_snapshot().
  void start_at(const TopicPartition& partition, LeaderEpoch epoch, Offset start,
                std::string producers, std::function<void(Status)> done);

  // Nothing is left of what the partition had; it follows under `epoch`, as one that was only just made: for a node
  // that is to have no replica any more, or one day again.
  void renew(const TopicPartition& partition, LeaderEpoch epoch, std::function<void(Status)> done);

  // Of the last record: what a follower says of its log when it fetches. Nothing when there is none.
  Result<std::optional<LeaderEpoch>> last_epoch(const TopicPartition& partition) const;
  // The answer to OffsetsForLeaderEpoch.
  Result<EpochEnd> end_of_epoch(const TopicPartition& partition, LeaderEpoch asked) const;
  // What is remembered about the partition's producers, as of the high watermark.
  Result<std::string> producer_snapshot(const TopicPartition& partition) const;

 private:
  LogCore& core_;
};

}  // namespace storage
