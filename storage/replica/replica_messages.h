// Messages between leaders and followers of a partition. They follow Kafka's Fetch from version 12
// on, which reports where two logs diverge (KIP-595), so that following and truncating share one
// exchange.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "storage/log/requests.h"
#include "storage/log/topic_partition.h"
#include "storage/meta/cluster_table.h"

namespace storage {

// From a follower to its leader. All records before `from` are durable at the follower: a fetch
// acknowledges them.
struct ReplicaFetch {
  TopicPartition partition;
  NodeId follower;
  NodeEpoch follower_epoch;
  LeaderEpoch leader_epoch;               // the epoch under which the follower follows
  uint64_t number = 0;                    // repeated in the answer
  Offset from;                            // the follower's log end
  std::optional<LeaderEpoch> last_epoch;  // of the follower's last record; nothing: no record
  Offset high_watermark = {};             // as last received from the leader
  std::optional<Offset> log_start = {};   // start of the follower's log; nothing: not reported
};

struct ReplicaFetched {
  TopicPartition partition;
  uint64_t number = 0;
  LeaderEpoch leader_epoch;
  // Exactly one of the following four.
  std::optional<Error> error = {};
  std::optional<EpochEnd> diverging = {};  // the logs differ after it: the follower truncates
  std::optional<std::string> producers =
      {};                    // restart at `log_start` with this producer state
  SharedBytes batches = {};  // whole batches, perhaps none
  Offset high_watermark = {}, log_start = {};
};

// From a leader to the controller: Kafka's AlterPartition.
struct IsrProposal {
  TopicPartition partition;
  NodeId leader;
  NodeEpoch node_epoch;  // the leader's epoch
  LeaderEpoch leader_epoch;
  int32_t version = 0;  // of the assignment on which the proposal is based
  struct Member {
    NodeId node;
    NodeEpoch epoch;  // the process that fetched; a later process may lack the records
    bool operator==(const Member&) const = default;
  };
  std::vector<Member> isr;
  bool operator==(const IsrProposal&) const = default;
};

}  // namespace storage
