// Messages between the leader and the followers of a partition. They follow Kafka's Fetch from
// version 12 on (KIP-595): the answer to a fetch also states where the two logs diverge, so no
// other message is needed before a follower truncates.
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

// A fetch of a follower. The fetch acknowledges to the leader that all records before `from` are
// durable at the follower.
struct ReplicaFetch {
  TopicPartition partition;
  NodeId follower;
  NodeEpoch follower_epoch;
  LeaderEpoch leader_epoch;  // the epoch under which the follower follows
  uint64_t number = 0;       // repeated in the answer
  Offset from;               // the follower's log end
  // Epoch of the follower's last record; nothing: it has no record.
  std::optional<LeaderEpoch> last_epoch;
  Offset high_watermark = {};            // the high watermark as last received from the leader
  std::optional<Offset> log_start = {};  // start of the follower's log; nothing: not reported
  bool refuses_appends = false;          // the follower's disk is full
};

struct ReplicaFetched {
  TopicPartition partition;
  uint64_t number = 0;
  LeaderEpoch leader_epoch;
  // At most one of `error`, `diverging` and `producers` is set; without them, `batches` has the
  // answer.
  std::optional<Error> error = {};
  std::optional<EpochEnd> diverging = {};     // where the logs diverge: the follower truncates
  std::optional<std::string> producers = {};  // restart at `log_start` with these producer states
  SharedBytes batches = {};                   // whole batches, perhaps none
  Offset high_watermark = {}, log_start = {};
};

// A proposal of a leader to the controller: Kafka's AlterPartition.
struct IsrProposal {
  TopicPartition partition;
  NodeId leader;
  NodeEpoch node_epoch;  // epoch of the leader's registration
  LeaderEpoch leader_epoch;
  int32_t version = 0;  // version of the assignment on which the proposal is based
  struct Member {
    NodeId node;
    NodeEpoch epoch;  // epoch of the process that fetched; a later process may lack the records
    bool operator==(const Member&) const = default;
  };
  std::vector<Member> isr;
  bool operator==(const IsrProposal&) const = default;
};

}  // namespace storage
