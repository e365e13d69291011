// What nodes ask each other about transactions: the coordinator of one tells the leaders of its partitions how it has
// ended, and who leads a partition asks the coordinator whether it is part of one. A node that commits what its sessions
// write is a producer like others.
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
  // What has been told is not told again by a message that comes late. A simulation switches it off.
  bool takes_markers_once = true;
};

// The part of a node that is not the cluster's: its coordinators, and the way into its log.
class TransactionHost {
 public:
  virtual ~TransactionHost() = default;
  // Asks the coordinators of this node. Answers on the node's loop.
  virtual void join(coordinator::AddPartitions request,
                    coordinator::Done<coordinator::TransactionAnswer> done) = 0;
  virtual void begin_commit(coordinator::InitProducer request,
                            coordinator::Done<coordinator::InitializedProducer> done) = 0;
  virtual void end_commit(coordinator::EndTransaction request,
                          coordinator::Done<coordinator::EndedTransaction> done) = 0;
  // Where a node may have a transaction coordinated in which it commits: by this node, if it coordinates any; then nobody
  // waits for the time-out of what is open when the node dies.
  struct CommitPlace {
    KafkaError error = KafkaError::None;
    std::string transactional_id = {};  // begins as asked for
    storage::TopicPartition coordinator = {};
    bool is_here = false;
  };
  virtual void place_commit(std::string ids, coordinator::Done<CommitPlace> done) = 0;
  // Appends a marker to a partition under its leader epoch, or fails; answers on the node's loop, when it is visible.
  virtual void end(const storage::TopicPartition& partition, LeaderEpoch under,
                   const coordinator::TransactionEnded& ended,
                   std::function<void(Status)> done) = 0;
};

// A call is made once, and answered once or given up; who has called then calls again, perhaps somebody else.
//
// A marker that came after its transaction is over would end the next one. So
//   1. a node takes markers of a process in the order of their numbers, and none twice;
//   2. it appends one under the leader epoch for which it was sent: none after a restart, or under somebody else;
//   3. who has sent believes only the answer to the last one that he has sent to the partition.
//
// Threads: one loop. Owner: ClusterNode.
class TransactionCalls {
 public:
  struct Around {
    NodeId self;
    const Clock& clock;
    std::function<void(NodeId, ClusterMessage)> send;
    std::function<std::shared_ptr<const storage::ClusterSnapshot>()> cluster;
    // Since when this node is known; before that it tells nobody anything.
    std::function<std::optional<storage::NodeEpoch>()> epoch;
    // Whether this node takes appends with acks=all to a partition.
    std::function<Status(const storage::TopicPartition&)> check_leads;
    TransactionHost& host;
  };
  // Its numbers are larger than those of whoever was there before, to whom answers may still come.
  TransactionCalls(Around around, TransactionCallRules rules)
      : around_(std::move(around)),
        rules_(rules),
        last_number_(static_cast<uint64_t>(around_.clock.monotonic_us())) {}

  // Fails with NotLeader, NetworkFailure and the like: then it is to be told again. FencedTask: the partition has heard
  // of a newer producer or coordinator.
  void tell_end(const storage::TopicPartition& partition,
                const coordinator::TransactionEnded& ended, std::function<void(Status)> done);
  // `coordinator`: the partition whose leader coordinates the transaction.
  void join(const storage::TopicPartition& coordinator, coordinator::AddPartitions request,
            coordinator::Done<coordinator::TransactionAnswer> done);
  // Of a transaction in which this node commits; CoordinatorNotAvailable where nobody answers.
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
  // Gives up what takes too long.
  void tick();

 private:
  struct Marker {
    int64_t until_us;
    storage::TopicPartition partition;
    LeaderEpoch epoch;  // of who was told
    std::function<void(Status)> done;
  };
  // By number, in the order of their times.
  template <class Answer>
  struct Question {
    int64_t until_us;
    coordinator::Done<Answer> done;
  };
  template <class Answer>
  using Questions = std::map<uint64_t, Question<Answer>>;
  void give_up_markers(int64_t now_us);
  template <class Answer>
  static void give_up(Questions<Answer>& questions, int64_t now_us);
  template <class Message, class Request, class Answer>
  void ask(const storage::TopicPartition& coordinator, Request request,
           Questions<Answer>& questions, coordinator::Done<Answer> done);
  int64_t patience_us(const storage::TopicPartition& partition, LeaderEpoch epoch) const;
  // Whoever was told of it does not lead it any more, as this node has read.
  bool has_moved(const Marker& marker) const;
  std::optional<storage::PartitionAssignment> led(const storage::TopicPartition& partition) const;

  const Around around_;
  const TransactionCallRules rules_;
  uint64_t last_number_;
  std::map<uint64_t, Marker> markers_;
  Questions<coordinator::TransactionAnswer> joins_;
  Questions<coordinator::EndedTransaction> commits_;
  // For those whose last marker came too late: how long the next may take, under the same leader.
  struct Patience {
    LeaderEpoch epoch;
    int64_t us;
  };
  std::map<storage::TopicPartition, Patience> patience_;
  // The newest marker of each node.
  std::map<NodeId, std::pair<storage::NodeEpoch, uint64_t>> taken_;
};

}  // namespace server
