// Rows of one transaction for several partitions: all of them are there, or none (docs/adr/0103).
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "server/cluster/append_calls.h"
#include "server/cluster/end_calls.h"
#include "server/cluster/transaction_calls.h"

namespace server {

// A simulation switches them off.
struct CommitCallRules {
  // Rows are sent when the coordinator knows to which partitions: the others would not hear how it ends.
  bool adds_first = true;
  // Nothing is committed of which a part may be missing.
  bool needs_all = true;
  // Answered when whoever reads sees it.
  bool waits_until_told = true;
};

// Each is a transaction of Kafka's, of a producer whose transactions this node coordinates itself where it can:
//
//   commit ─► a producer ─► its partitions are known ─► rows to each leader ─► end: commit ─► told
//                                                            │
//                                                one refused └──────────────► end: abort
//
// With each end its producer gets a new epoch, which keeps out what comes late (KIP-890). Whoever is answered with an
// error is told whether rows may be there.
//
// Threads: one loop. Owner: ClusterNode.
class CommitCalls {
 public:
  struct Part {
    std::string topic;
    storage::TopicPartition partition;
    std::string batches;               // without a producer, back to back
    std::optional<Offset> since = {};  // only unless records of their keys have come since
  };
  // Answers with the place of the last batch of each part. ObjectState: on a condition that does not hold any more.
  using Done = std::function<void(Result<std::vector<storage::AppendedBatch>>)>;
  struct Around {
    NodeId self;
    const Clock& clock;
    std::function<std::shared_ptr<const storage::ClusterSnapshot>()> cluster;
    AppendCalls& appends;
    EndCalls& ends;
    TransactionCalls& transactions;
    TransactionHost& host;
  };
  CommitCalls(Around around, CommitCallRules rules) : around_(around), rules_(rules) {}

  void commit(std::vector<Part> parts, Done done);
  void tick();

 private:
  // One transaction at a time.
  struct Producer {
    size_t number;
    TransactionHost::CommitPlace place = {};
    coordinator::ProducerIdentity identity = {};  // epoch -1: it has to begin
    LeaderEpoch term = {};                        // of its coordinator when it began
    int32_t timeout_elsewhere_ms = 0;
  };
  struct Commit;
  using CommitPtr = std::shared_ptr<Commit>;
  void start_waiting();
  void find_place(const CommitPtr& commit);
  void begin(const CommitPtr& commit);
  void add(const CommitPtr& commit);
  void send(const CommitPtr& commit);
  void part_done(const CommitPtr& commit, size_t place, Result<storage::AppendedBatch> appended);
  void ask_end(const CommitPtr& commit, bool is_commit,
               std::function<void(const coordinator::EndedTransaction&)> done);
  void end(const CommitPtr& commit);
  void ended(const CommitPtr& commit, const coordinator::EndedTransaction& answer);
  void look_whether_visible(const CommitPtr& commit);
  // Rows may have been sent, and none is to be seen.
  void abort(const CommitPtr& commit);
  void succeed(const CommitPtr& commit);
  void fail(const CommitPtr& commit, Error error);
  void again(const CommitPtr& commit, void (CommitCalls::*step)(const CommitPtr&));
  bool is_in_place(const Producer& producer) const;
  bool is_led_here(const Producer& producer) const;
  LeaderEpoch term_of(const storage::TopicPartition& coordinator) const;
  void limit(Commit& commit) const;
  void release(const CommitPtr& commit);

  const Around around_;
  const CommitCallRules rules_;
  std::list<CommitPtr> all_;
  std::deque<CommitPtr> waiting_;  // for a producer
  std::vector<Producer> free_;     // producers
  size_t producers_ = 0;
};

}  // namespace server
