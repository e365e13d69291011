// Appends rows of this node's sessions to partitions, whichever nodes lead them. Each record is
// appended once, or the session gets an error that states that the outcome is unknown.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "records/batch.h"
#include "server/cluster/cluster_messages.h"
#include "server/coordinator/producer_identity.h"
#include "storage/log/requests.h"
#include "storage/meta/cluster_table.h"

namespace server {

// Each rule can be switched off by the simulation, which must then find the bug that the rule prevents.
struct AppendCallRules {
  // A retry sends the same bytes as the first attempt.
  bool sends_the_same = true;
  // The leader checks the condition of an append (storage::Unchanged).
  bool looks_at_conditions = true;
  // If a condition fails and an earlier attempt of the same request may have been appended, the
  // outcome is reported as unknown: the records of the earlier attempt may be the reason why the
  // condition fails.
  bool doubts_itself = true;
};

// Each partition has a lane. A lane is an idempotent Kafka producer with one request in flight at a
// time. It repeats the request to the current leader of the partition until an answer arrives. Each
// transaction has lanes of its own.
//
//   rows ─► lane: stamped with (producer, epoch 0, sequence) ─► AppendRows ─► the leader's log ─► RowsAppended
//             ▲                                                                                        │
//             └──────── refused, or no answer: the same bytes again, perhaps to another leader ────────┘
//
// A request has at most as many batches as a partition remembers for a producer
// (ProducerState::kRemembered), so a repetition is recognized. Rows with a condition get a request
// of their own. When a lane gives up a request in flight, its rows may still be appended later; so
// the lane continues with a new producer id.
//
// Threads: one loop. Owner: ClusterNode.
class RemoteAppends {
 public:
  using Done = std::function<void(Result<storage::AppendedBatch>)>;
  struct Around {
    const Clock& clock;
    std::function<void(NodeId, ClusterMessage)> send;
    std::function<std::shared_ptr<const storage::ClusterSnapshot>()> cluster;
    std::function<void(std::function<void(Result<ProducerId>)>)> allocate_producer;
    // Returns whether this node accepts appends with acks=all to a partition.
    std::function<Status(const storage::TopicPartition&)> check_leads;
    // Appends with acks=all, and calls back on the loop.
    std::function<void(storage::AppendRequest, storage::AppendDone)> append;
    // Appends with acks=all, unless a record with one of the request's keys was written in the
    // meantime; see storage/log/append_unless_changed.h.
    std::function<void(storage::AppendRequest, storage::Unchanged, storage::AppendDone)>
        append_unless_changed = {};
  };
  RemoteAppends(Around around, AppendCallRules rules);

  // Appends batches that have no producer id. The result is the position of the last batch. An error states whether
  // some of the rows may have been written.
  void append(const storage::TopicPartition& partition, std::string batches, Done done);
  // Appends rows that were computed from the records before `since`. Fails with ObjectState if
  // records with the same keys were written at or after `since`. `done` also gets the number of
  // batches, from the first on, that are known to be appended.
  using ChangeDone = std::function<void(Result<storage::AppendedBatch>, size_t batches_there)>;
  void append_unless_changed(const storage::TopicPartition& partition, std::string batches,
                             Offset since, ChangeDone done);
  // Appends rows in a transaction of `producer`. They must be the producer's first rows of this
  // epoch in the partition. `since`, if set, is the condition of append_unless_changed(). After an
  // error the rows may have been appended, or may be appended later, so the caller has to abort the
  // transaction.
  void append_in_transaction(const storage::TopicPartition& partition, std::string batches,
                             std::optional<Offset> since,
                             const coordinator::ProducerIdentity& producer, ChangeDone done);

  // Discards the end that acknowledged_end() returns. Called when this node starts or stops leading
  // the partition.
  void forget_acknowledged(const storage::TopicPartition& partition) {
    acknowledged_.erase(partition);
  }
  // Returns the offset after the last row that this node has appended as leader; 0 if it has
  // appended no row.
  Offset acknowledged_end(const storage::TopicPartition& partition) const {
    const auto found = acknowledged_.find(partition);
    return found == acknowledged_.end() ? Offset{0} : found->second;
  }

  void on_message(NodeId from, AppendRows message);
  void on_message(NodeId from, const RowsAppended& message);
  void tick();

 private:
  // The batches of one call, some of which are not acknowledged yet.
  struct Waiting {
    ChangeDone done;
    int64_t patience_us;  // time limit of each request
    int64_t give_up_us;
    size_t batches_left = 0, batches_there = 0;
    std::optional<storage::Unchanged> unchanged = {};
  };
  struct Batch {
    std::string bytes;
    int32_t records;
    std::shared_ptr<Waiting> of;
  };
  struct Way {
    storage::TopicPartition partition;
    // the producer of the transaction; kNoProducer: no transaction
    ProducerId transaction = records::kNoProducer;
    int16_t epoch = 0;
    auto operator<=>(const Way&) const = default;
    bool is_transaction() const { return transaction != records::kNoProducer; }
  };
  struct Lane {
    std::deque<Batch> batches;  // batches without an acknowledgement, in order
    std::optional<ProducerId> producer;
    bool is_allocating = false;
    int32_t next_sequence = 0;  // sequence for the first batch without one
    size_t stamped = 0;         // number of batches, from the first on, that have got sequences
    size_t sent =
        0;  // number of batches, from the first on, that are in flight or have to be sent again
    // a node may have appended the request in flight, or may append it later
    bool may_be_there = false;
    uint64_t number = 0;  // number of the request in flight; 0: no answer can arrive
    int64_t sent_us = 0, retry_at_us = 0;
    LeaderEpoch sent_under = {};  // leader epoch of the node to which the request was sent
    int64_t idle_since_us = 0;
    // time since which the partition is missing in the metadata
    std::optional<int64_t> unknown_since_us = {};
    std::optional<Error> last_error = {};
  };
  void put(const Way& way, std::string_view batches, std::shared_ptr<Waiting> waiting);
  // Returns whether no answer can be expected for the request in flight, because its time is up or
  // its leader was replaced.
  bool is_lost(const Way& way, const Lane& lane, int64_t now_us) const;
  void step(const Way& way, Lane& lane);
  void allocate(const Way& way, Lane& lane);
  void send(const Way& way, Lane& lane);
  void acknowledge(const Way& way, Lane& lane, const std::vector<Offset>& last_offsets);
  void refused(const Way& way, Lane& lane, const RowsAppended& answer);
  // Gives up the request in flight because its condition is no longer true.
  void give_up_changed(Lane& lane, const Error& why);
  void fill_request(Lane& lane);
  void give_up_late(const Way& way, Lane& lane, int64_t now_us);
  // Gives up the batches of the request in flight, and all other batches of the calls to which they
  // belong.
  void give_up_sent(Lane& lane, const Error& why);
  void give_up(Lane& lane, const std::shared_ptr<Waiting>& waiting, Error why);
  void forget_producer(Lane& lane);
  void answer_later(std::shared_ptr<Waiting> waiting, Result<storage::AppendedBatch> result);
  bool is_copy(NodeId from, uint64_t number);

  const Around around_;
  const AppendCallRules rules_;
  uint64_t next_number_;
  std::map<Way, Lane> lanes_;
  std::map<uint64_t, Way> on_their_way_;
  std::map<storage::TopicPartition, Offset> acknowledged_;  // end of the last acknowledged row
  // Numbers of the newest requests to this node as leader, by sender. The network may deliver a
  // request twice. A late copy of a refused request would append rows that were reported as not
  // written, once the reason for the refusal has gone (a closed partition, a full disk). A copy of
  // an accepted request could be refused, and this answer could arrive first.
  std::map<NodeId, std::set<uint64_t>> received_;
  // Callbacks that are ready to be called. They run at the end of a step, because they may append
  // more rows.
  std::vector<std::function<void()>> answers_;
  const std::shared_ptr<const char> alive_ = std::make_shared<const char>('\0');
};

}  // namespace server
