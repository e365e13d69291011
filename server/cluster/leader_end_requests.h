// Finds the current readable ends of partitions, whichever nodes lead them. Each returned end is
// after all records that were acknowledged before the request.
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

// The rules without which an answer could be wrong. The simulation switches off one of them at a time, and must then
// detect an error.
struct EndCallRules {
  // A node that believes that it leads asks the nodes that could have replaced it.
  bool asks_others = true;
  // If fewer replicas than min.insync.replicas are in sync, the next leader may be a node that was in sync earlier and
  // does not answer now. So the answers of the other nodes do not exclude that this node was elected, and the leader
  // asks etcd for decisions that it has not read yet.
  bool asks_metadata = true;
  // A new leader knows the readable end only when all records that were in its log at the begin of
  // its epoch are visible.
  bool waits_for_own_begin = true;
  // The leader answers only when the rows that it has acknowledged to sessions are readable. They
  // may have to wait for an open transaction that began before them.
  bool waits_for_acknowledged = true;
};

// The state of a node as the leader of a partition.
struct LeaderEnds {
  LeaderEpoch epoch;
  Offset readable_end;
  bool has_all_of_before = false;  // all records from before its epoch are visible
  std::vector<NodeId> heirs = {};  // nodes that could lead next while enough are in sync
  bool has_min_isr = true;         // enough replicas are in sync
  // The ends of the rows that were acknowledged to sessions. Readers of committed records may not
  // be able to read up to these ends yet.
  Offset acknowledged_end = Offset{0};  // end of the rows that this node has acknowledged
  Offset begin = Offset{0};             // end of the rows that earlier leaders have acknowledged
};

// The answers are correct without synchronized clocks. The leader first reads its end, and then
// asks each node that could have become the leader since then (its heirs). Before a new leader
// acknowledges anything, at least one of these nodes knows the new leader's epoch.
//
// If fewer replicas than min.insync.replicas are in sync, the new leader may be a node that was in
// sync earlier and does not answer. In this case the leader asks etcd whether a decision exists
// that it has not read. (All nodes that could lead have all visible records.)
//
//   asker          leader                     each heir
//     ─ AskEnds ──►  end, epoch
//                    ─ ConfirmLeader(epoch) ──►  knows of no newer epoch
//                    ◄─ LeaderConfirmed ────────
//     ◄─ EndsReported ─
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
    // Returns the epoch of this node's registration; nothing until the node has read its
    // registration, and so all earlier decisions.
    std::function<std::optional<storage::NodeEpoch>()> epoch;
    // Returns the state of this node as the leader of a partition. Fails with NotLeader.
    std::function<Result<LeaderEnds>(const storage::TopicPartition&)> leads;
    // Confirms that cluster() shows all decisions: see EtcdMetadataLog::confirm_read().
    std::function<void(std::function<void(Status)>)> confirm_read;
    // The time without a heartbeat after which a node loses its leaderships.
    int64_t session_timeout_us = 400'000;
  };
  // Message numbers start with the time of the clock. So they are higher than those of an earlier
  // process of this node, whose answers may still arrive.
  LeaderEndRequests(Around around, EndCallRules rules)
      : around_(std::move(around)),
        rules_(rules),
        last_number_(static_cast<uint64_t>(around_.clock.monotonic_us())) {}

  // Asks the leaders, repeatedly, until all have answered or the time is up. The time limit is some
  // seconds; if an open transaction delays an answer, it is `open_wait_us`, and the error after it
  // is ObjectState.
  void ask(std::vector<storage::TopicPartition> partitions, int64_t open_wait_us, Done done);
  // Confirms that this node still leads the partition. The caller has read the partition's state
  // before the call; if the call succeeds, that state was complete for the leader epoch. The check
  // is needed because a node that was frozen or cut off does not know that it was replaced. Fails
  // with NotLeader. If a node that could lead by now does not answer, it is asked again until it has
  // lost its place among the replicas in sync. Fails with NotEnoughReplicas when twice the session
  // time-out and a second have passed.
  void confirm(const storage::TopicPartition& partition, std::function<void(Status)> done);

  void on_message(NodeId from, const AskEnds& message);
  void on_message(NodeId from, const EndsReported& message);
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
  // An answer of a leader that waits for confirmations. It is sent when all asked nodes have
  // confirmed, when one of them has refused, or when the time is up.
  struct Answer {
    std::function<void(Status)> done;
    size_t left = 0;
    int64_t until_us = 0;
  };
  // A call of confirm().
  struct Confirming {
    storage::TopicPartition partition;
    LeaderEpoch epoch;  // of this node when the call began
    int64_t give_up_us = 0;
    std::function<void(Status)> done;
    int64_t ask_at_us = 0;  // time of the next question
  };
  // A request (AskEnds) to this leader that has to wait. When it arrived, some acknowledged rows
  // were not readable yet, for example because an open transaction began before them.
  struct Asking {
    NodeId from;
    uint64_t number;
    std::vector<std::pair<storage::TopicPartition, Offset>>
        partitions;  // each with the offset up to which it must be readable
    int64_t until_us;
  };
  void refuse(NodeId asker, uint64_t number, Error why) const;
  // Caches the results of look() during one pass over all waiting requests.
  using Seen = std::map<storage::TopicPartition, Result<LeaderEnds>>;
  const Result<LeaderEnds>& look(const storage::TopicPartition& partition, Seen& seen) const;
  // Returns the error that names the reason for the wait.
  Error in_the_way(const Asking& asking, Seen& seen) const;
  // Answers the request, or refuses it. Returns false if acknowledged rows are not readable yet, so
  // that the request has to wait.
  bool try_tell(const Asking& asking, Seen& seen);
  // The nodes that can confirm that this node leads, and the partitions for which etcd has to
  // confirm it.
  struct Witnesses {
    std::map<NodeId, std::vector<ConfirmLeader::Led>> heirs;
    std::vector<ConfirmLeader::Led> in_metadata;
  };
  void add_witnesses(Witnesses& to, const storage::TopicPartition& partition,
                     const LeaderEnds& leads) const;
  void ask_witnesses(Witnesses witnesses, int64_t patience_us, std::function<void(Status)> done);
  void ask_to_confirm(Confirming call, const LeaderEnds& leads);
  // Asks again for the calls of confirm() that no node has answered.
  void confirm_again();
  // Takes the reply of one node, or of etcd, for the pending answer with the number `answer`.
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
  std::vector<Confirming> unconfirmed_;  // calls that wait for their next question
};

}  // namespace server
