// Rows that sessions of a node write to partitions, whoever leads these: each record is appended once, or it is told
// that this is not known.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
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

// A simulation switches them off.
struct AppendCallRules {
  // What is sent again is the same, byte for byte.
  bool sends_the_same = true;
  // Who leads looks whether what rows were made of is still so.
  bool looks_at_conditions = true;
  // Whoever may have overtaken himself does not say that nothing was written.
  bool doubts_itself = true;
};

// For each partition a lane: an idempotent producer of Kafka's, whose batches go one request after the other, each
// until it is answered, to whoever leads the partition then. Each transaction has lanes of its own.
//
//   rows ─► lane: stamped with (producer, epoch 0, sequence) ─► AppendRows ─► the leader's log ─► RowsAppended
//             ▲                                                                                        │
//             └──────────── refused, or no answer: the same bytes again, perhaps elsewhere ────────────┘
//
// A request has no more batches than a partition remembers of a producer; rows on a condition have requests of their own.
// Rows that are given up while a request with
// them is on its way may come to be there later: then the lane goes on as another producer.
//
// Threads: one loop. Owner: ClusterNode.
class AppendCalls {
 public:
  using Done = std::function<void(Result<storage::AppendedBatch>)>;
  struct Around {
    const Clock& clock;
    std::function<void(NodeId, ClusterMessage)> send;
    std::function<std::shared_ptr<const storage::ClusterSnapshot>()> cluster;
    std::function<void(std::function<void(Result<ProducerId>)>)> allocate_producer;
    // Whether this node takes appends with acks=all to a partition.
    std::function<Status(const storage::TopicPartition&)> check_leads;
    // Appends with acks=all, and answers on the loop.
    std::function<void(storage::AppendRequest, storage::AppendDone)> append;
    // Likewise, see storage/log/append_unless_changed.h.
    std::function<void(storage::AppendRequest, storage::Unchanged, storage::AppendDone)>
        append_unless_changed = {};
  };
  AppendCalls(Around around, AppendCallRules rules);

  // Whole batches without a producer, back to back. Answers with the place of the last of them. Where it fails the
  // error says whether the rows may be there.
  void append(const storage::TopicPartition& partition, std::string batches, Done done);
  // The same of rows that were made of what was read up to `since`: fails with ObjectState where records of their keys
  // have come since. Told is also how many of the first batches are there, as far as that is known.
  using ChangeDone = std::function<void(Result<storage::AppendedBatch>, size_t batches_there)>;
  void append_unless_changed(const storage::TopicPartition& partition, std::string batches,
                             Offset since, ChangeDone done);
  // Rows of a transaction of this producer, the first ones of its epoch in this partition; on that condition if there is
  // one. Where it fails they may be there, or come later: then the transaction is to be aborted.
  void append_in_transaction(const storage::TopicPartition& partition, std::string batches,
                             std::optional<Offset> since,
                             const coordinator::ProducerIdentity& producer, ChangeDone done);

  // The node begins to lead the partition, or does so no more.
  void forget_acknowledged(const storage::TopicPartition& partition) {
    acknowledged_.erase(partition);
  }
  // Of the rows that this node has appended as their leader; 0: none.
  Offset acknowledged_end(const storage::TopicPartition& partition) const {
    const auto found = acknowledged_.find(partition);
    return found == acknowledged_.end() ? Offset{0} : found->second;
  }

  void on_message(NodeId from, AppendRows message);
  void on_message(NodeId from, const RowsAppended& message);
  void tick();

 private:
  // Somebody's batches, of which so many are not there yet.
  struct Waiting {
    ChangeDone done;
    int64_t patience_us;  // with each request
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
    ProducerId transaction = records::kNoProducer;  // whose lane this is
    int16_t epoch = 0;
    auto operator<=>(const Way&) const = default;
    bool is_transaction() const { return transaction != records::kNoProducer; }
  };
  struct Lane {
    std::deque<Batch> batches;  // not acknowledged, in order
    std::optional<ProducerId> producer;
    bool is_allocating = false;
    int32_t next_sequence = 0;  // of the first batch that has none
    size_t stamped = 0;         // so many of the first batches have sequences
    size_t sent =
        0;  // so many of these are in the request on its way, or in the one to be sent again
    bool may_be_there = false;  // some node may have appended that request, or may still
    uint64_t number = 0;        // of it while an answer may come; 0: none
    int64_t sent_us = 0, retry_at_us = 0;
    LeaderEpoch sent_under = {};  // of who is to answer
    int64_t idle_since_us = 0;
    std::optional<int64_t> unknown_since_us = {};  // no such partition is known
    std::optional<Error> last_error = {};
  };
  void put(const Way& way, std::string_view batches, std::shared_ptr<Waiting> waiting);
  // Whether nobody is to be waited for who has the request on its way.
  bool is_lost(const Way& way, const Lane& lane, int64_t now_us) const;
  void step(const Way& way, Lane& lane);
  void allocate(const Way& way, Lane& lane);
  void send(const Way& way, Lane& lane);
  void acknowledge(const Way& way, Lane& lane, const std::vector<Offset>& last_offsets);
  void refused(const Way& way, Lane& lane, const RowsAppended& answer);
  // The request on its way was made of what has changed since.
  void give_up_changed(Lane& lane, const Error& why);
  void fill_request(Lane& lane);
  void give_up_late(const Way& way, Lane& lane, int64_t now_us);
  // Those of the request on its way, and what else belongs to them.
  void give_up_sent(Lane& lane, const Error& why);
  void give_up(Lane& lane, const std::shared_ptr<Waiting>& waiting, Error why);
  void forget_producer(Lane& lane);
  void answer_later(std::shared_ptr<Waiting> waiting, Result<storage::AppendedBatch> result);

  const Around around_;
  const AppendCallRules rules_;
  uint64_t next_number_;
  std::map<Way, Lane> lanes_;
  std::map<uint64_t, Way> on_their_way_;
  std::map<storage::TopicPartition, Offset> acknowledged_;  // behind the last row, while it leads
  // Answers, which may append more.
  std::vector<std::function<void()>> answers_;
  const std::shared_ptr<const char> alive_ = std::make_shared<const char>('\0');
};

}  // namespace server
