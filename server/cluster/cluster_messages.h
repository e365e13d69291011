// The messages between the nodes of a cluster.
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

// Sent by each node to the controller, like Kafka's BrokerHeartbeat.
struct Heartbeat {
  NodeId node;
  storage::NodeEpoch epoch;
  Revision applied;           // revision up to which the sender has read the metadata
  bool is_leaving = false;    // the node is about to stop and asks for its leaderships to be moved
  int64_t differing = 0;      // replicas that differ from the logs that the node leads (ScrubCalls)
  bool disk_is_full = false;  // the node has no disk space for records; the controller treats it
                              // like a leaving node
  // The controller has sent the node nothing for a long time, so one direction of their connection
  // is broken. The controller treats the node like a leaving node.
  bool is_out_of_touch = false;
  storage::FeatureLevel knows = storage::kFirstLevel;  // newest level of the node's program
};

// Sent by the controller to a node that sends heartbeats but has not read the latest metadata for a
// long time. The controller has fenced the node at this revision: other nodes now lead the
// partitions that the node still believes to lead.
struct NodeFenced {
  storage::NodeEpoch epoch;  // epoch of the process that is fenced
  Revision revision;
};

// Sent by the controller to all nodes, periodically. It states how far each node has read the
// metadata, according to the node's heartbeats.
struct NodesProgress {
  struct Node {
    NodeId node;
    Revision applied = {};  // -1: not known
    // `heard_ms` is the time since the node's last heartbeat. `caught_up_ms` is the time since the
    // node had last read everything that the controller knew. Each is -1 if its event has not
    // happened since the controller took over.
    int64_t heard_ms = -1, caught_up_ms = -1;
    // Heartbeat::differing, as the node's last heartbeat has reported it
    int64_t differing = 0;
    // newest level of the node's program, as its last heartbeat has reported it
    storage::FeatureLevel knows = storage::kFirstLevel;
    bool operator==(const Node&) const = default;
  };
  int64_t controller_epoch = 0;  // increases with each controller
  Revision known = {};           // revision that the controller has read
  std::vector<Node> nodes = {};
  bool operator==(const NodesProgress&) const = default;
};

// Sent to the leader of a partition: output that a task has committed. The leader appends it with
// acks=all.
struct DeliverOutput {
  storage::TopicPartition journal;  // journal partition of the task
  uint64_t number = 0;              // returned in the answer
  storage::TaskOutput output;
};
struct OutputDelivered {
  storage::TopicPartition journal;
  uint64_t number = 0;
  std::optional<Error> error = {};
};

// Sent by the coordinator of a transaction to the leader of one of its partitions. It reports that
// the transaction was committed or aborted, and the leader appends a marker. The leader appends it
// only if its epoch is `leader_epoch`, and handles the markers of one sender in the order of their
// numbers. Without these two rules, a late marker could end the producer's next transaction.
struct WriteMarker {
  storage::NodeEpoch sender_epoch;  // numbers are ordered within one epoch of the sender
  uint64_t number = 0;              // returned in the answer
  storage::TopicPartition partition;
  LeaderEpoch leader_epoch;
  coordinator::TransactionEnded ended;
};
// The answer to WriteMarker. Without an error, the marker is appended, and consumers can read it.
struct MarkerWritten {
  uint64_t number = 0;
  std::optional<Error> error = {};
};

// Sent to the coordinator of a transaction: checks whether partitions belong to the transaction, or
// adds them.
struct JoinTransaction {
  uint64_t number = 0;
  coordinator::AddPartitions request;
};
struct TransactionJoined {
  uint64_t number = 0;
  coordinator::TransactionAnswer answer;
};

// Starts a new epoch of a producer. Sent to the coordinator of a transaction, by a node that will
// commit rows of its sessions in this transaction. Programs that do not know such transactions
// ignore the message.
struct BeginCommit {
  uint64_t number = 0;
  coordinator::InitProducer request;
};
// Sent to the coordinator that has answered BeginCommit: ends the transaction.
struct EndCommit {
  uint64_t number = 0;
  // sent with the second version of the transaction protocol (KIP-890)
  coordinator::EndTransaction request;
};
struct CommitAnswered {
  uint64_t number = 0;
  coordinator::EndedTransaction answer;
};

// Sent to the leader of a partition: rows of sessions of the sender. The leader appends them with
// acks=all.
struct AppendRows {
  uint64_t number = 0;
  storage::TopicPartition partition;
  std::string batches = {};
  std::optional<storage::Unchanged> unchanged = {};  // append only if this condition holds
};
struct RowsAppended {
  uint64_t number = 0;
  std::optional<Error> error = {};
  bool may_be_there = false;              // the rows may have been appended in spite of the error
  std::vector<Offset> last_offsets = {};  // last offset of each batch
};

// Asks the leader of partitions up to which offset each partition can be read now.
struct AskEnds {
  uint64_t number = 0;
  std::vector<storage::TopicPartition> partitions = {};
};
struct EndsReported {
  uint64_t number = 0;
  std::optional<Error> error = {};
  std::vector<Offset> ends = {};  // in the order of the partitions
};
// Asks whether the receiver knows a newer leader epoch of these partitions. The sender leads them,
// and the receiver could have replaced it as the leader.
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

// Sent by the leader of a partition to a follower: asks for the digest of a range, see
// storage::RangeDigest.
struct AskDigest {
  uint64_t number = 0;
  storage::TopicPartition partition;
  LeaderEpoch leader_epoch;
  Offset from, end;
};
struct DigestReported {
  uint64_t number = 0;
  std::optional<Error> error = {};
  uint64_t digest = 0;
  Offset comparable_from = {};
  std::optional<Offset> damaged = {};
};

// Asks another node to answer when it has applied the metadata up to this revision. Programs below
// feature level 4 ignore the message.
struct AskApplied {
  uint64_t number = 0;
  Revision revision;
};
struct AppliedReported {
  uint64_t number = 0;
};

// Asks another node for the progress of the groups that it coordinates. Programs below feature
// level 4 ignore the message.
struct AskGroups {
  uint64_t number = 0;
};
struct GroupsReported {
  uint64_t number = 0;
  bool is_whole = false;  // false: the node has more groups than fit into the message
  std::vector<coordinator::GroupProgress> groups = {};
};

// Asks a node for the ends of its replicas of these partitions, for example to choose the leader of an unclean
// election. Programs below feature level 4 ignore the message.
struct AskLogs {
  uint64_t number = 0;
  std::vector<storage::TopicPartition> partitions = {};
};
struct LogsReported {
  struct Log {
    LeaderEpoch last_epoch{-1};  // epoch of the last record; -1: no record
    Offset end = {};
    Offset high_watermark = {};
    auto operator<=>(const Log&) const = default;
  };
  uint64_t number = 0;
  std::vector<Log> logs = {};  // in the order of the partitions
};

// Sent to the controller. It lists the locks that sessions of the sender hold or request, as
// changes since the version `base`. A lost message is not sent again. The next message also
// contains the changes of the lost one, because each message has all changes since the version that
// the controller has acknowledged.
struct LocksWanted {
  struct Wanted {
    uint64_t id = 0;     // never used again by the sending process
    uint64_t owner = 0;  // explained at NamedLocks::Request
    std::string name = {};
    bool is_shared = false;
    bool waits = false;    // false: the request is refused if another session holds the lock
    bool is_held = false;  // granted by an earlier controller
  };
  // the sending process; a later process of the same node does not hold the locks of this process
  storage::NodeEpoch process;
  uint64_t base = 0;  // version that the controller has acknowledged; 0: `added` has all requests
  uint64_t version = 0;  // grows with each change
  int64_t sent_us = 0;   // the sender's clock, returned in the answer
  std::vector<Wanted> added = {};
  std::vector<uint64_t> removed = {};  // released or withdrawn
  // requests to which the sender has no answer yet
  std::vector<uint64_t> pending = {};
};
// The controller's answer to LocksWanted. When the controller later decides about a waiting
// request, it sends another LocksGranted without being asked.
struct LocksGranted {
  int64_t controller_epoch = 0;
  uint64_t version = 0;    // version of the last message that the controller has read
  int64_t sent_us = 0;     // sent_us of the last message that the controller has read
  bool needs_all = false;  // the controller does not know `base`
  std::vector<uint64_t> granted = {}, refused = {}, deadlocked = {};
};

// Sent to each other node: messages of NOTIFY, which the receiver passes to its sessions in the
// order of the numbers.
struct NotifySessions {
  struct Note {
    int32_t process_id = 0;
    std::string channel = {}, payload = {};
    bool operator==(const Note&) const = default;
  };
  storage::NodeEpoch sender,
      receiver;           // the receiving process; a later process of that node ignores the message
  uint64_t number = 0;    // counts from 1 for each pair of sending and receiving processes
  bool any_lost = false;  // earlier messages for the receiver were dropped
  std::vector<Note> notes = {};
};
// Acknowledges that the receiver has passed on all messages up to the number.
struct SessionsNotified {
  storage::NodeEpoch sender;
  uint64_t number = 0;
};

// Passes a request of Kafka's protocol to another node, which handles it without checks of rights: the sender has
// checked them. Programs that do not know the message ignore it.
struct RelayedRequest {
  uint64_t number = 0;
  std::string frame = {};  // as a client sends it, with its length
};
struct RelayedAnswer {
  uint64_t number = 0;
  std::string error = {};   // the reason why the request was not handled; empty: `answer` is set
  std::string answer = {};  // without length and correlation id
};

using ClusterMessage =
    std::variant<storage::ReplicaFetch, storage::ReplicaFetched, storage::IsrProposal, Heartbeat,
                 NodeFenced, NodesProgress, DeliverOutput, OutputDelivered, WriteMarker,
                 MarkerWritten, JoinTransaction, TransactionJoined, BeginCommit, EndCommit,
                 CommitAnswered, AppendRows, RowsAppended, AskEnds, EndsReported, ConfirmLeader,
                 LeaderConfirmed, AskDigest, DigestReported, AskApplied, AppliedReported, AskGroups,
                 GroupsReported, AskLogs, LogsReported, LocksWanted, LocksGranted, NotifySessions,
                 SessionsNotified, RelayedRequest, RelayedAnswer>;

}  // namespace server
