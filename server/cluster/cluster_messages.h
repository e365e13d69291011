// What the nodes of a cluster say to each other.
#pragma once
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "server/coordinator/group_messages.h"
#include "server/coordinator/transaction_messages.h"
#include "storage/log/unchanged.h"
#include "storage/meta/cluster_table.h"
#include "storage/replica/journal_entry.h"
#include "storage/replica/replica_messages.h"

namespace server {

// To the controller: Kafka's BrokerHeartbeat.
struct Heartbeat {
  NodeId node;
  storage::NodeEpoch epoch;
  Revision applied;           // so far it has read the metadata
  bool is_leaving = false;    // it is about to stop: what it leads is to be led elsewhere
  int64_t differing = 0;      // replicas of what it leads that were found to differ: see ScrubCalls
  bool disk_is_full = false;  // and it takes no records: as where it is leaving, for as long
  // The controller has told it nothing for long: one of the two is not heard. Likewise.
  bool is_out_of_touch = false;
  storage::FeatureLevel knows = storage::kFirstLevel;  // the newest that its program knows
};

// From the controller, to a node that it hears and that has not read for long what is decided: it is fenced as of that
// revision, and what it takes itself to lead is led by others by now.
struct NodeFenced {
  storage::NodeEpoch epoch;  // of the process that is meant
  Revision revision;
};

// From the controller to all nodes, now and then: how far each has read the metadata, as its heartbeats tell.
struct NodesProgress {
  struct Node {
    NodeId node;
    Revision applied = {};  // -1: not known
    // So long ago it was heard of, and had read all that the controller knew then; -1: not since that one decides.
    int64_t heard_ms = -1, caught_up_ms = -1;
    int64_t differing = 0;  // as of its heartbeat
    storage::FeatureLevel knows = storage::kFirstLevel;  // likewise
    bool operator==(const Node&) const = default;
  };
  int64_t controller_epoch = 0;  // greater with each controller
  Revision known = {};           // to the controller
  std::vector<Node> nodes = {};
  bool operator==(const NodesProgress&) const = default;
};

// To the leader of a partition: an output that a task has committed, as an append with acks=all.
struct DeliverOutput {
  storage::TopicPartition journal;  // of the task
  uint64_t number = 0;              // the answer has it again
  storage::TaskOutput output;
};
struct OutputDelivered {
  storage::TopicPartition journal;
  uint64_t number = 0;
  std::optional<Error> error = {};
};

// From the coordinator of a transaction to the leader of a partition that is part of it: how it has ended. Whoever is
// told appends a marker under that leader epoch, or not at all, and of one sender in the order of the numbers: what
// comes late would end the producer's next transaction.
struct WriteMarker {
  storage::NodeEpoch sender_epoch;  // since when the numbers count
  uint64_t number = 0;              // the answer has it again
  storage::TopicPartition partition;
  LeaderEpoch leader_epoch;
  coordinator::TransactionEnded ended;
};
// The marker is visible.
struct MarkerWritten {
  uint64_t number = 0;
  std::optional<Error> error = {};
};

// To the coordinator of a transaction: whether partitions are part of it, or that they are from now on.
struct JoinTransaction {
  uint64_t number = 0;
  coordinator::AddPartitions request;
};
struct TransactionJoined {
  uint64_t number = 0;
  coordinator::TransactionAnswer answer;
};

// To the coordinator of a transaction in which a node commits what its sessions write: a new epoch of its producer.
// Programs that know of no such transactions pass over it.
struct BeginCommit {
  uint64_t number = 0;
  coordinator::InitProducer request;
};
// Likewise: how it ends.
struct EndCommit {
  uint64_t number = 0;
  coordinator::EndTransaction request;  // of the second version
};
struct CommitAnswered {
  uint64_t number = 0;
  coordinator::EndedTransaction answer;
};

// To the leader of a partition: rows that sessions of the sender write, as an append with acks=all.
struct AppendRows {
  uint64_t number = 0;
  storage::TopicPartition partition;
  std::string batches = {};
  std::optional<storage::Unchanged> unchanged = {};  // only as long as it holds
};
struct RowsAppended {
  uint64_t number = 0;
  std::optional<Error> error = {};
  bool may_be_there = false;              // in spite of the error
  std::vector<Offset> last_offsets = {};  // of each batch
};

// To a leader: how far its partitions can be read now.
struct AskEnds {
  uint64_t number = 0;
  std::vector<storage::TopicPartition> partitions = {};
};
struct EndsTold {
  uint64_t number = 0;
  std::optional<Error> error = {};
  std::vector<Offset> ends = {};  // in the order of the partitions
};
// From who leads these under these epochs to one who could lead them after it: whether nobody else does yet.
struct ConfirmLeader {
  struct Led {
    storage::TopicPartition partition;
    LeaderEpoch epoch;
  };
  uint64_t number = 0;
  std::vector<Led> led = {};
};
struct LeaderConfirmed {
  uint64_t number = 0;
  std::optional<Error> error = {};
};

// From the leader of a partition to who follows it: what it has of it in that range, see storage::RangeDigest.
struct AskDigest {
  uint64_t number = 0;
  storage::TopicPartition partition;
  LeaderEpoch leader_epoch;
  Offset from, end;
};
struct DigestTold {
  uint64_t number = 0;
  std::optional<Error> error = {};
  uint64_t digest = 0;
  Offset comparable_from = {};
  std::optional<Offset> damaged = {};
};

// To another node: to be answered when it has carried out the metadata up to there. Programs from before feature level 4 pass
// over it.
struct AskApplied {
  uint64_t number = 0;
  Revision revision;
};
struct AppliedTold {
  uint64_t number = 0;
};

// To another node: how far are the groups that it coordinates? Programs from before feature level 4 pass over it.
struct AskGroups {
  uint64_t number = 0;
};
struct GroupsTold {
  uint64_t number = 0;
  bool is_whole = false;  // else it has more than these
  std::vector<coordinator::GroupProgress> groups = {};
};

// To who has replicas of these: how far are its logs? Programs from before feature level 4 pass over it.
struct AskLogs {
  uint64_t number = 0;
  std::vector<storage::TopicPartition> partitions = {};
};
struct LogsTold {
  struct Log {
    LeaderEpoch last_epoch{-1};  // of its last record; -1: it has none
    Offset end = {};
    Offset high_watermark = {};
    auto operator<=>(const Log&) const = default;
  };
  uint64_t number = 0;
  std::vector<Log> logs = {};  // in the order of the partitions
};

using ClusterMessage =
    std::variant<storage::ReplicaFetch, storage::ReplicaFetched, storage::IsrProposal, Heartbeat,
                 NodeFenced, NodesProgress, DeliverOutput, OutputDelivered, WriteMarker,
                 MarkerWritten, JoinTransaction, TransactionJoined, BeginCommit, EndCommit,
                 CommitAnswered, AppendRows, RowsAppended, AskEnds, EndsTold, ConfirmLeader,
                 LeaderConfirmed, AskDigest, DigestTold, AskApplied, AppliedTold, AskGroups,
                 GroupsTold, AskLogs, LogsTold>;

}  // namespace server
