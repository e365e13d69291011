// Writes rows of one transaction to several partitions atomically (docs/adr/0103).
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
#include "server/cluster/leader_end_requests.h"
#include "server/cluster/remote_appends.h"
#include "server/cluster/transaction_calls.h"

namespace server {

// Each rule can be switched off by the simulation, which must then find the bug that the rule prevents.
struct CommitCallRules {
  // Rows are sent only after the coordinator has recorded the partitions of the transaction. If it
  // did not know a partition, it would send no marker to it at the end.
  bool adds_first = true;
  // A transaction is committed only if all parts were appended.
  bool needs_all = true;
  // The caller is answered only when the rows are visible to readers.
  bool waits_until_told = true;
};

// Each commit is a Kafka transaction of a producer. This node coordinates the producer's
// transactions itself where possible:
//
//   commit ─► a producer ─► partitions recorded ─► rows to each leader ─► end: commit ─► answered
//                                                        │
//                                            one refused └──────────────► end: abort
//
// Each end of a transaction gives the producer a new epoch. Requests of the ended transaction that
// arrive late have the old epoch and are rejected (KIP-890). An error of commit() states whether
// rows may have been written.
//
// Threads: one loop. Owner: ClusterNode.
class TransactionCommits {
 public:
  struct Part {
    std::string topic;
    storage::TopicPartition partition;
    std::string batches;               // without a producer, back to back
    std::optional<Offset> since = {};  // a condition: see RemoteAppends::append_unless_changed()
  };
  // The result is the position of the last batch of each part. The error is ObjectState if a condition no longer holds.
  using Done = std::function<void(Result<std::vector<storage::AppendedBatch>>)>;
  struct Around {
    NodeId self;
    const Clock& clock;
    std::function<std::shared_ptr<const storage::ClusterSnapshot>()> cluster;
    RemoteAppends& appends;
    LeaderEndRequests& ends;
    TransactionCalls& transactions;
    TransactionHost& host;
  };
  TransactionCommits(Around around, CommitCallRules rules) : around_(around), rules_(rules) {}

  void commit(std::vector<Part> parts, Done done);
  void tick();

 private:
  // A producer serves one transaction at a time.
  struct Producer {
    size_t number;
    TransactionHost::CommitPlace place = {};
    // with epoch -1, the producer must first call begin_commit()
    coordinator::ProducerIdentity identity = {};
    LeaderEpoch term = {};  // leader epoch of the coordinator in `place`
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
  // Aborts the transaction. Some rows may have been sent already; none of them becomes visible.
  void abort(const CommitPtr& commit);
  void succeed(const CommitPtr& commit);
  void fail(const CommitPtr& commit, Error error);
  void again(const CommitPtr& commit, void (TransactionCommits::*step)(const CommitPtr&));
  bool is_in_place(const Producer& producer) const;
  bool is_led_here(const Producer& producer) const;
  LeaderEpoch term_of(const storage::TopicPartition& coordinator) const;
  void limit(Commit& commit) const;
  void release(const CommitPtr& commit);

  const Around around_;
  const CommitCallRules rules_;
  std::list<CommitPtr> all_;
  std::deque<CommitPtr> waiting_;  // commits that wait for a producer
  std::vector<Producer> free_;     // idle producers
  size_t producers_ = 0;
};

}  // namespace server
