// Messages about transactions. A coordinator sends the outcome of a transaction to the leaders of
// its partitions. A leader asks the coordinator whether its partition belongs to a transaction. A
// node that commits rows of its sessions sends the same requests as a Kafka producer.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "base/clock.h"
#include "server/cluster/cluster_messages.h"
#include "server/coordinator/transaction_messages.h"

namespace server {

struct TransactionCallRules {
  // If a delayed message repeats a marker that was handled already, the marker is not written
  // again. The simulation can switch this rule off.
  bool takes_markers_once = true;
};

// The transactions of this server outside of the ClusterNode: the coordinators that run on this
// node, and its log.
class TransactionHost {
 public:
  virtual ~TransactionHost() = default;
  // Asks the coordinators of this node. Calls back on the node's loop.
  virtual void join(coordinator::AddPartitions request,
                    coordinator::Done<coordinator::TransactionAnswer> done) = 0;
  virtual void begin_commit(coordinator::InitProducer request,
                            coordinator::Done<coordinator::InitializedProducer> done) = 0;
  virtual void end_commit(coordinator::EndTransaction request,
                          coordinator::Done<coordinator::EndedTransaction> done) = 0;
  // The coordinator for the transactions in which a node commits rows of sessions. The node uses
  // itself if it coordinates any partition of the transactional ids. If the node then fails, its
  // coordinator moves to another node at once; with a remote coordinator, readers would have to
  // wait until the open transactions time out.
  struct CommitPlace {
    KafkaError error = KafkaError::None;
    std::string transactional_id = {};  // begins with the requested prefix
    storage::TopicPartition coordinator = {};
    bool is_here = false;
  };
  virtual void place_commit(std::string ids, coordinator::Done<CommitPlace> done) = 0;
  // Appends a marker to a partition that this node leads under the epoch `under`, or fails. Calls
  // back on the node's loop when the marker is visible.
  virtual void end(const storage::TopicPartition& partition, LeaderEpoch under,
                   const coordinator::TransactionEnded& ended,
                   std::function<void(Status)> done) = 0;
};

// A call is sent once, and is either answered once or given up. After a call was given up, the
// caller calls again, possibly with another node.
//
// A marker that arrives after its transaction has ended would end the producer's next transaction.
// Therefore
//   1. a node handles the markers of a process in the order of their numbers, and none twice;
//   2. it appends a marker only under the leader epoch for which it was sent, so not after a restart or a change of
//      leader;
//   3. the sender accepts an answer only for the last marker that it has sent to the partition.
//
// Threads: one loop. Owner: ClusterNode.
class TransactionCalls {
 public:
  struct Around {
    NodeId self;
    const Clock& clock;
    std::function<void(NodeId, ClusterMessage)> send;
    std::function<std::shared_ptr<const storage::ClusterSnapshot>()> cluster;
    // Returns the epoch of this node's registration; nothing until this node has read it. Before
    // that the node sends no markers.
    std::function<std::optional<storage::NodeEpoch>()> epoch;
    // Returns whether this node accepts appends with acks=all to a partition.
    std::function<Status(const storage::TopicPartition&)> check_leads;
    TransactionHost& host;
  };
  // Message numbers start with the time of the clock. So they are higher than those of an earlier
  // process of this node, whose answers may still arrive.
  TransactionCalls(Around around, TransactionCallRules rules)
      : around_(std::move(around)),
        rules_(rules),
        last_number_(static_cast<uint64_t>(around_.clock.monotonic_us())) {}

  // Sends the outcome of a transaction to the leader of the partition. After NotLeader,
  // NetworkFailure and similar errors, the caller sends the outcome again. Fails with FencedTask if
  // the partition has seen a newer producer or coordinator.
  void tell_end(const storage::TopicPartition& partition,
                const coordinator::TransactionEnded& ended, std::function<void(Status)> done);
  // Checks whether partitions belong to a transaction, or adds them. `coordinator` is the partition whose leader
  // coordinates the transaction.
  void join(const storage::TopicPartition& coordinator, coordinator::AddPartitions request,
            coordinator::Done<coordinator::TransactionAnswer> done);
  // begin_commit() begins and end_commit() ends a transaction in which this node commits rows of
  // its sessions. The error is CoordinatorNotAvailable if the coordinator does not answer.
  void begin_commit(const storage::TopicPartition& coordinator, coordinator::InitProducer request,
                    coordinator::Done<coordinator::EndedTransaction> done);
  void end_commit(const storage::TopicPartition& coordinator, coordinator::EndTransaction request,
                  coordinator::Done<coordinator::EndedTransaction> done);

  void on_message(NodeId from, const WriteMarker& message);
  void on_message(NodeId from, const MarkerWritten& message);
  void on_message(NodeId from, JoinTransaction message);
  void on_message(NodeId from, TransactionJoined message);
  void on_message(NodeId from, BeginCommit message);
  void on_message(NodeId from, EndCommit message);
  void on_message(NodeId from, const CommitAnswered& message);
  // Gives up calls whose time is up.
  void tick();

 private:
  struct Marker {
    int64_t until_us;
    storage::TopicPartition partition;
    LeaderEpoch epoch;  // leader epoch of the node that was asked
    std::function<void(Status)> done;
  };
  template <class Answer>
  struct Question {
    int64_t until_us;
    coordinator::Done<Answer> done;
  };
  // Open questions by message number, which is also the order of their time limits.
  template <class Answer>
  using Questions = std::map<uint64_t, Question<Answer>>;
  void give_up_markers(int64_t now_us);
  template <class Answer>
  static void give_up(Questions<Answer>& questions, int64_t now_us);
  template <class Message, class Request, class Answer>
  void ask(const storage::TopicPartition& coordinator, Request request,
           Questions<Answer>& questions, coordinator::Done<Answer> done);
  int64_t patience_us(const storage::TopicPartition& partition, LeaderEpoch epoch) const;
  // Returns whether the leader that was asked no longer leads the partition, according to the metadata that this node
  // has read.
  bool has_moved(const Marker& marker) const;
  std::optional<storage::PartitionAssignment> led(const storage::TopicPartition& partition) const;

  const Around around_;
  const TransactionCallRules rules_;
  uint64_t last_number_;
  std::map<uint64_t, Marker> markers_;
  Questions<coordinator::TransactionAnswer> joins_;
  Questions<coordinator::EndedTransaction> commits_;
  // Time limit for the next marker (the record that ends a transaction in a partition). If the last marker was answered
  // after its time limit, the limit grows, as long as the leader epoch of the partition is the same.
  struct Patience {
    LeaderEpoch epoch;
    int64_t us;
  };
  std::map<storage::TopicPartition, Patience> patience_;
  // For each node, the registration epoch and the number of the newest marker that was handled.
  std::map<NodeId, std::pair<storage::NodeEpoch, uint64_t>> taken_;
};

}  // namespace server
