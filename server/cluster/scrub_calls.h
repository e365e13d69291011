// Whether replicas have the same: the leader of a partition compares, range by range, what those in sync have of it.
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
#include "server/cluster/end_calls.h"
#include "storage/meta/cluster_table.h"
#include "storage/replica/range_digest.h"

namespace server {

struct ScrubSettings {
  int64_t bytes_per_second = 0;  // that a leader reads of its own; 0: nothing is compared
  // From the beginning of one round over all that this node leads to the beginning of the next.
  int64_t round_us = 6 * 3'600'000'000LL;
  size_t range_bytes = 1 << 20;
  int64_t answer_us = 10'000'000;  // who takes longer for a digest is left out
};

// What does not agree, for good as far as this process goes: nothing is mended by itself, since nobody knows which of the
// two is right; a batch that does not fit its own checksum is wrong.
struct ReplicaDifference {
  storage::TopicPartition partition;
  NodeId node;                         // that has something else than its leader, or damaged bytes
  Offset from, end;                    // within this range
  std::optional<Offset> damaged = {};  // the batch there
};

//   leader                            each follower in sync
//     digest of [from, end)
//     ─ AskDigest ──────────────────►  digest of [from, end), which is visible there
//     ◄────────────────── DigestTold ─
//     not the same: both again, a moment later; then it is told
//
// Below the high watermark replicas of one leader epoch have the same bytes, but for what retention has removed or compaction
// has rewritten: each replica does that for itself, so what lies before is left out. What cannot be compared now, since
// somebody is not there or another one leads, is left to the next round.
//
// Threads: one loop; digests are made elsewhere. Owner: ClusterNode.
class ScrubCalls {
 public:
  using Digested = std::function<void(Result<storage::RangeDigest>)>;
  struct Around {
    NodeId self;
    const Clock& clock;
    std::function<void(NodeId, ClusterMessage)> send;
    std::function<std::shared_ptr<const storage::ClusterSnapshot>()> cluster;
    // Its heirs are those in sync. Fails where this node does not lead.
    std::function<Result<LeaderEnds>(const storage::TopicPartition&)> leads;
    // Under which epoch this node follows; nothing where it does not.
    std::function<std::optional<LeaderEpoch>(const storage::TopicPartition&)> follows;
    // As storage::digest_range(); answered on the loop, perhaps inside the call.
    std::function<void(const storage::TopicPartition&, Offset from, std::optional<Offset> end,
                       size_t max_bytes, Digested done)>
        digest;
    std::function<void(const ReplicaDifference&)> found;
  };
  ScrubCalls(Around around, const ScrubSettings& settings);

  void on_message(NodeId from, const AskDigest& message);
  void on_message(NodeId from, const DigestTold& message);
  // Every few milliseconds.
  void tick();

  // Replicas of what this node leads, its own too, of which some part was found to differ when it was compared last.
  int64_t differing_count() const { return static_cast<int64_t>(known_.size()); }
  int64_t rounds() const { return rounds_; }

 private:
  struct Comparison {
    uint64_t number = 0;
    storage::TopicPartition partition;
    LeaderEpoch epoch;
    Offset from;
    std::optional<Offset> end = {};  // once it is known
    bool is_second = false;          // something differed in the first
    storage::RangeDigest own = {};
    std::map<NodeId, std::optional<DigestTold>> told = {};  // by who is asked
    int64_t until_us = 0;
  };
  void begin_next();
  void begin(const storage::TopicPartition& partition, Offset from, std::optional<Offset> end,
             bool is_second);
  void digested(uint64_t number, Result<storage::RangeDigest> own);
  void finish();
  static bool differs(const Comparison& done, const DigestTold& told);
  void report(const Comparison& done, NodeId node, std::optional<Offset> damaged);
  // All of it has been compared that can be.
  void end_partition();
  void end_round();

  const Around around_;
  const ScrubSettings settings_;
  uint64_t last_number_;
  std::optional<Comparison> now_;
  // What comes next: this partition from there on; or, when it is done, the first one behind it.
  std::optional<storage::TopicPartition> at_;
  Offset next_from_{0};
  bool is_done_ = true;
  std::set<NodeId> found_here_;  // in this partition, in this round
  struct Again {
    storage::TopicPartition partition;
    Offset from, end;
  };
  std::optional<Again> again_;
  int64_t next_us_ = 0, round_began_us_ = INT64_MIN / 2;
  bool is_in_round_ = false;
  int64_t rounds_ = 0;
  std::map<std::pair<storage::TopicPartition, NodeId>, Offset> known_;  // where it was told of last
  const std::shared_ptr<const char> alive_ = std::make_shared<const char>('\0');
};

}  // namespace server
