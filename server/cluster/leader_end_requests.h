// Finds the current readable ends of partitions, whichever nodes lead them. Each returned end is
// behind all records that were acknowledged before the question.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "server/cluster/cluster_messages.h"
#include "storage/meta/cluster_table.h"

namespace server {

// Rules for answers; each can be switched off by the simulation.
struct EndCallRules {
  // A node that believes that it leads asks the nodes that could have replaced it.
  bool asks_others = true;
  // If too few replicas are in sync, a node that has been gone for a long time could lead. So the
  // leader asks etcd for newer decisions.
  bool asks_metadata = true;
  // A new leader knows the readable end only when all records that it had at its start are visible.
  bool waits_for_own_begin = true;
  // The leader answers only when the acknowledged rows of sessions are readable, even if an open transaction lies
  // before them.
  bool waits_for_acknowledged = true;
};

// The state of a node as the leader of a partition.
struct LeaderEnds {
  LeaderEpoch epoch;
  Offset readable_end;
  bool has_all_of_before = false;  // all records from before its epoch are visible
  std::vector<NodeId> heirs = {};  // nodes that could lead next while enough are in sync
  bool has_min_isr = true;         // enough replicas are in sync
  // The ends of the rows that were acknowledged to sessions. The rows before these ends may not be
  // readable yet for readers of committed records.
  Offset acknowledged_end = Offset{0};  // end of the rows that this node has acknowledged
  Offset begin = Offset{0};             // end of the rows that earlier leaders have acknowledged
};

// The answers are correct without synchronized clocks: the leader reads its end, then asks each node that could have
// become the leader since then. At least one of these nodes knows the epoch of a new leader before that leader
// acknowledges anything. If fewer replicas are in sync than min.insync.replicas asks for, the new leader may be a node
// that was in sync earlier and does not answer: then etcd is asked whether a decision exists that the leader has not
// read. (All nodes that could lead have all visible records.)
//
//   asker          leader                     each heir
//     ─ AskEnds ──►  end, epoch
//                    ─ ConfirmLeader(epoch) ──►  knows of no newer epoch
//                    ◄─ LeaderConfirmed ────────
//     ◄─ EndsTold ─
//
// Threads: one loop. Owner: ClusterNode.
class LeaderEndRequests {
 public:
  using Ends = std::vector<std::pair<storage::TopicPartition, Offset>>;
  using Done = std::function<void(Result<Ends>)>;
  struct Around {
    NodeId self;
    const Clock& clock;
    std::function<void(NodeId, ClusterMessage)> send;
    std::function<std::shared_ptr<const storage::ClusterSnapshot>()> cluster;
    // Returns the epoch of this node's registration, once the node has read the registration and so all earlier
    // decisions.
    std::function<std::optional<storage::NodeEpoch>()> epoch;
    // Returns the state of this node as the leader of a partition. Fails with NotLeader.
    std::function<Result<LeaderEnds>(const storage::TopicPartition&)> leads;
    // Confirms that cluster() shows all decisions: see EtcdMetadataLog::confirm_read().
    std::function<void(std::function<void(Status)>)> confirm_read;
  };
  // Message numbers start with the time of the clock, and so above those of an earlier process, whose answers may still
  // arrive.
  LeaderEndRequests(Around around, EndCallRules rules)
      : around_(std::move(around)),
        rules_(rules),
        last_number_(static_cast<uint64_t>(around_.clock.monotonic_us())) {}

  // Asks the leaders, repeatedly, until all have answered or the time is up. The time is some
  // seconds, or `open_wait_us` if an open transaction delays an answer. In the second case the
  // error is ObjectState.
  void ask(std::vector<storage::TopicPartition> partitions, int64_t open_wait_us, Done done);
  // Confirms that this node still leads the partition, so that its state for its leader epoch was
  // complete at the time of the call. A node that was frozen or cut off does not know that it was
  // replaced. Fails with NotLeader. Fails with NotEnoughReplicas if the nodes that could lead by
  // now do not answer.
  void confirm(const storage::TopicPartition& partition, std::function<void(Status)> done);

  void on_message(NodeId from, const AskEnds& message);
  void on_message(NodeId from, const EndsTold& message);
  void on_message(NodeId from, const ConfirmLeader& message);
  void on_message(NodeId from, const LeaderConfirmed& message);
  void tick();

 private:
  struct Asked {
    std::vector<storage::TopicPartition> partitions;
    int64_t sent_us = 0;
  };
  struct Question {
    std::map<storage::TopicPartition, std::optional<Offset>> ends;
    Done done;
    int64_t give_up_us = 0, give_up_open_us = 0, ask_at_us = 0;
    std::map<uint64_t, Asked> asked;  // unanswered messages, by number
    std::optional<Error> last_error = {};
  };
  // A pending answer of a leader. It is sent when all asked nodes have confirmed, when one node has
  // refused, or when the time is up.
  struct Answer {
    std::function<void(Status)> done;
    size_t left = 0;
    int64_t until_us = 0;
  };
  // A question to this leader that waits because rows that were acknowledged when the question arrived are not readable
  // yet, for example behind an open transaction.
  struct Asking {
    NodeId from;
    uint64_t number;
    std::vector<std::pair<storage::TopicPartition, Offset>>
        partitions;  // each with the offset up to which it must be readable
    int64_t until_us;
  };
  void refuse(NodeId asker, uint64_t number, Error why) const;
  // Cache of leader states for one pass over all waiting questions.
  using Seen = std::map<storage::TopicPartition, Result<LeaderEnds>>;
  const Result<LeaderEnds>& look(const storage::TopicPartition& partition, Seen& seen) const;
  // Returns the obstacle that the question waits for.
  Error in_the_way(const Asking& asking, Seen& seen) const;
  // Answers the question, or refuses it. Returns false if acknowledged rows are not readable yet, so that the question
  // has to wait.
  bool try_tell(const Asking& asking, Seen& seen);
  // The nodes, or etcd, that can confirm that this node leads.
  struct Witnesses {
    std::map<NodeId, std::vector<ConfirmLeader::Led>> heirs;
    std::vector<ConfirmLeader::Led> in_metadata;
  };
  void add_witnesses(Witnesses& to, const storage::TopicPartition& partition,
                     const LeaderEnds& leads) const;
  void ask_witnesses(Witnesses witnesses, int64_t patience_us, std::function<void(Status)> done);
  // Takes the result from one witness of an answer.
  void heard(uint64_t answer, const Status& status);
  // Checks that this node knows no later leader of the partitions. Otherwise fails with NotLeader.
  Status check_newest(const std::vector<ConfirmLeader::Led>& led) const;
  void ask_now(uint64_t id, Question& question);
  void forget_asked(Question& question);
  void finish_if_done(uint64_t id);

  const Around around_;
  const EndCallRules rules_;
  uint64_t last_number_;
  std::map<uint64_t, Question> questions_;
  std::map<uint64_t, uint64_t> question_of_;  // by the number of a message
  std::map<uint64_t, Answer> answers_;
  std::map<uint64_t, uint64_t> answer_of_;  // by the number of a message
  std::vector<Asking> asking_;
};

}  // namespace server
