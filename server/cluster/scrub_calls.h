// Compares replicas: the leader of a partition compares its log, range by range, with the logs of
// the in-sync replicas.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "server/cluster/cluster_messages.h"
#include "server/cluster/leader_end_requests.h"
#include "storage/meta/cluster_table.h"
#include "storage/replica/range_digest.h"

namespace server {

struct ScrubSettings {
  int64_t bytes_per_second = 0;  // read rate of a leader for its own log; 0: nothing is compared
  // Time between the starts of two rounds. A round covers all partitions that this node leads.
  int64_t round_us = 6 * 3'600'000'000LL;
  size_t range_bytes = 1 << 20;
  int64_t answer_us = 10'000'000;  // a replica that needs longer for a digest is left out
};

// A difference between replicas. It is reported until this process ends, and is not repaired
// automatically, because it is unknown which replica is right. Only a batch that does not match its
// own checksum is certainly wrong.
struct ReplicaDifference {
  storage::TopicPartition partition;
  // the node whose replica differs from the leader's, or is damaged
  NodeId node;
  Offset from, end;                    // the range in which the replicas differ
  std::optional<Offset> damaged = {};  // offset of the damaged batch
};

//   leader                            each follower in sync
//     digest of [from, end)
//     ─ AskDigest ──────────────────►  digest of [from, end), which is visible there
//     ◄────────────────── DigestReported ─
//     if they differ: both again, a moment later; then the difference is reported
//
// Before the high watermark, replicas of one leader epoch have the same bytes, except where
// retention or compaction has changed them. Each replica runs retention and compaction on its own,
// so the part before RangeDigest::comparable_from is not compared. If a range cannot be compared
// now, because a replica is away or the leader has changed, the next round tries again.
//
// Threads: one loop; digests are computed on another thread. Owner: ClusterNode.
class ScrubCalls {
 public:
  using Digested = std::function<void(Result<storage::RangeDigest>)>;
  struct Around {
    NodeId self;
    const Clock& clock;
    std::function<void(NodeId, ClusterMessage)> send;
    std::function<std::shared_ptr<const storage::ClusterSnapshot>()> cluster;
    // Returns the state of this node as the leader; LeaderEnds::heirs are the in-sync replicas.
    // Fails if this node does not lead the partition.
    std::function<Result<LeaderEnds>(const storage::TopicPartition&)> leads;
    // Returns the leader epoch under which this node follows the partition's leader, or nullopt if it does not follow.
    std::function<std::optional<LeaderEpoch>(const storage::TopicPartition&)> follows;
    // Runs storage::digest_range(); calls back on the loop, perhaps within the call.
    std::function<void(const storage::TopicPartition&, Offset from, std::optional<Offset> end,
                       size_t max_bytes, Digested done)>
        digest;
    std::function<void(const ReplicaDifference&)> found;
  };
  ScrubCalls(Around around, const ScrubSettings& settings);

  void on_message(NodeId from, const AskDigest& message);
  void on_message(NodeId from, const DigestReported& message);
  // Call it every few milliseconds.
  void tick();

  // Returns the number of replicas (including this node's own) of partitions led by this node that
  // differed in their last comparison.
  int64_t differing_count() const { return static_cast<int64_t>(known_.size()); }
  int64_t rounds() const { return rounds_; }

 private:
  struct Comparison {
    uint64_t number = 0;
    storage::TopicPartition partition;
    LeaderEpoch epoch;
    Offset from;
    std::optional<Offset> end = {};  // set once it is known
    bool is_second = false;          // the first comparison found a difference
    storage::RangeDigest own = {};
    std::map<NodeId, std::optional<DigestReported>> told = {};  // answers by node; nullopt: none
    int64_t until_us = 0;
  };
  void begin_next();
  void begin(const storage::TopicPartition& partition, Offset from, std::optional<Offset> end,
             bool is_second);
  void digested(uint64_t number, Result<storage::RangeDigest> own);
  void finish();
  static bool differs(const Comparison& done, const DigestReported& told);
  void report(const Comparison& done, NodeId node, std::optional<Offset> damaged);
  // Called when all comparable records of the partition have been compared.
  void end_partition();
  void end_round();

  const Around around_;
  const ScrubSettings settings_;
  uint64_t last_number_;
  std::optional<Comparison> now_;
  // Position of the next comparison: `next_from_` in the partition `at_`. If is_done_ is set, `at_`
  // is finished and the next partition follows.
  std::optional<storage::TopicPartition> at_;
  Offset next_from_{0};
  bool is_done_ = true;
  // nodes whose replica of the present partition differed in this round
  std::set<NodeId> found_here_;
  struct Again {
    storage::TopicPartition partition;
    Offset from, end;
  };
  std::optional<Again> again_;
  int64_t next_us_ = 0, round_began_us_ = INT64_MIN / 2;
  bool is_in_round_ = false;
  int64_t rounds_ = 0;
  std::map<std::pair<storage::TopicPartition, NodeId>, Offset> known_;  // start of differing range
  const std::shared_ptr<const char> alive_ = std::make_shared<const char>('\0');
};

}  // namespace server
