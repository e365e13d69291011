// How far partitions can be read as of now, whoever leads them: what was acknowledged before the question lies before
// the answer.
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

// Rules of answers, one by one; a simulation switches them off.
struct EndCallRules {
  // Who believes that it leads asks those who could lead by now.
  bool asks_others = true;
  // Where too few are in sync, others could lead who may not answer for long: it asks for what was decided.
  bool asks_metadata = true;
  // A new leader knows how far can be read when all is visible that was there when it began.
  bool waits_for_own_begin = true;
  // Rows of sessions that were acknowledged are not left out behind a transaction that is open.
  bool waits_for_acknowledged = true;
};

// What a leader says of itself.
struct LeaderEnds {
  LeaderEpoch epoch;
  Offset readable_end;
  bool has_all_of_before = false;  // what was there when its epoch began is visible
  std::vector<NodeId> heirs = {};  // who could lead after it, while enough are in sync
  bool has_min_isr = true;         // they are
  // As far as sessions may have been told that their rows are there; who reads what is committed may not get there yet.
  Offset acknowledged_end = Offset{0};  // by this node
  Offset begin = Offset{0};             // by those that led before it
};

// Without clocks: the leader takes the end, then asks each node that could have become the leader since. One of them
// would have to know that, before it acknowledges anything under its own epoch. Where fewer are in sync than
// min.insync.replicas that may be one of those who were before, and it may be gone: then etcd is asked whether there is
// any decision that the leader has not read. (All who could lead have what is visible.)
//
//   asker          leader                     each heir
//     ─ AskEnds ──►  end, epoch
//                    ─ ConfirmLeader(epoch) ──►  knows of no newer epoch
//                    ◄─ LeaderConfirmed ────────
//     ◄─ EndsTold ─
//
// Threads: one loop. Owner: ClusterNode.
class EndCalls {
 public:
  using Ends = std::vector<std::pair<storage::TopicPartition, Offset>>;
  using Done = std::function<void(Result<Ends>)>;
  struct Around {
    NodeId self;
    const Clock& clock;
    std::function<void(NodeId, ClusterMessage)> send;
    std::function<std::shared_ptr<const storage::ClusterSnapshot>()> cluster;
    // Since when this node is known. All that was decided before it has read then.
    std::function<std::optional<storage::NodeEpoch>()> epoch;
    // Fails with NotLeader.
    std::function<Result<LeaderEnds>(const storage::TopicPartition&)> leads;
    // As EtcdMetadataLog::confirm_read(), of what cluster() shows.
    std::function<void(std::function<void(Status)>)> confirm_read;
  };
  // Its numbers are larger than those of whoever was there before, to whom answers may still come.
  EndCalls(Around around, EndCallRules rules)
      : around_(std::move(around)),
        rules_(rules),
        last_number_(static_cast<uint64_t>(around_.clock.monotonic_us())) {}

  // Asks whoever leads then, again until all have answered or it has taken too long: some seconds, or `open_wait_us` where a
  // transaction that is open is in the way, which is ObjectState then.
  void ask(std::vector<storage::TopicPartition> partitions, int64_t open_wait_us, Done done);
  // Whether this node leads the partition still, so that what it knew under its epoch when it was asked was all that there
  // was to know: who was frozen or cut off does not know that it was replaced. Fails with NotLeader, and with
  // NotEnoughReplicas where those who could lead by now do not say.
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
    std::map<uint64_t, Asked> asked;  // and not answered, by the number of the message
    std::optional<Error> last_error = {};
  };
  // What a leader does when all whom it asks have answered, or one has refused, or they take too long.
  struct Answer {
    std::function<void(Status)> done;
    size_t left = 0;
    int64_t until_us = 0;
  };
  // What a leader is asked while a transaction is open in front of what was acknowledged by then.
  struct Asking {
    NodeId from;
    uint64_t number;
    std::vector<std::pair<storage::TopicPartition, Offset>>
        partitions;  // and how far each must be readable
    int64_t until_us;
  };
  void refuse(NodeId asker, uint64_t number, Error why) const;
  // What a leader says of itself is asked once for all who wait.
  using Seen = std::map<storage::TopicPartition, Result<LeaderEnds>>;
  const Result<LeaderEnds>& look(const storage::TopicPartition& partition, Seen& seen) const;
  // What it waits behind.
  Error in_the_way(const Asking& asking, Seen& seen) const;
  // False: it is to be looked at again.
  bool try_tell(const Asking& asking, Seen& seen);
  // Whom to ask whether this node leads.
  struct Witnesses {
    std::map<NodeId, std::vector<ConfirmLeader::Led>> heirs;
    std::vector<ConfirmLeader::Led> in_metadata;
  };
  void add_witnesses(Witnesses& to, const storage::TopicPartition& partition,
                     const LeaderEnds& leads) const;
  void ask_witnesses(Witnesses witnesses, int64_t patience_us, std::function<void(Status)> done);
  // Of one who was asked for the answer.
  void heard(uint64_t answer, const Status& status);
  // Whether this node knows of no later leader of any of them. Fails with NotLeader.
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
  std::map<uint64_t, uint64_t> answer_of_;  // likewise
  std::vector<Asking> asking_;
};

}  // namespace server
