// What leaders and followers of a partition say to each other: Kafka's Fetch, as of its version 12, which
// says of itself where two logs part (KIP-595), so that following and truncating are one conversation.
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

// From a follower to its leader. What lies before `from` is durable at the follower: its fetch acknowledges.
struct ReplicaFetch {
  TopicPartition partition;
  NodeId follower;
  NodeEpoch follower_epoch;
  LeaderEpoch leader_epoch;               // that it follows
  uint64_t number = 0;                    // the answer has it again
  Offset from;                            // its log end
  std::optional<LeaderEpoch> last_epoch;  // of its last record; nothing when it has none
  Offset high_watermark = {};             // that it knows of
  std::optional<Offset> log_start = {};   // of its log; nothing where its program does not tell
};

struct ReplicaFetched {
  TopicPartition partition;
  uint64_t number = 0;
  LeaderEpoch leader_epoch;
  // One of four.
  std::optional<Error> error = {};
  std::optional<EpochEnd> diverging = {};  // the logs part: what the follower has behind it must go
  std::optional<std::string> producers =
      {};                    // begin anew at `log_start`, with this of the producers
  SharedBytes batches = {};  // whole ones, perhaps none
  Offset high_watermark = {}, log_start = {};
};

// From a leader to the controller: Kafka's AlterPartition.
struct IsrProposal {
  TopicPartition partition;
  NodeId leader;
  NodeEpoch node_epoch;  // of the leader
  LeaderEpoch leader_epoch;
  int32_t version = 0;  // of the assignment that it is to follow
  struct Member {
    NodeId node;
    NodeEpoch epoch;  // of who has fetched as this node: another one may have none of it
    bool operator==(const Member&) const = default;
  };
  std::vector<Member> isr;
  bool operator==(const IsrProposal&) const = default;
};

}  // namespace storage
