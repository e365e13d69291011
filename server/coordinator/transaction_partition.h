// The transactional ids that hash to one partition of __transaction_state. The node that leads this
// partition coordinates their transactions (KIP-98, KIP-360).
#pragma once
#include <absl/container/btree_map.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/coordinator/deadlines.h"
#include "server/coordinator/replayed_partition.h"
#include "server/coordinator/state_size.h"
#include "server/coordinator/transaction_messages.h"
#include "server/coordinator/transaction_settings.h"

namespace server::coordinator {

using AllocateProducerId = std::function<void(std::function<void(Result<ProducerId>)> done)>;
// Sends the end of a transaction to the leader of a partition. Calls back on this loop, never
// within the call. Also succeeds if the partition was deleted. Fails with FencedTask if the
// partition has seen a newer producer or coordinator.
enum class Marker { ToBeStored, Stored };  // Stored: the marker is in the partition's log
using TellEnd =
    std::function<void(const std::string& topic, int32_t partition, const TransactionEnded& ended,
                       Marker marker, std::function<void(Status)> done)>;

// The environment that the partitions of a loop's coordinator share.
struct TransactionSurroundings {
  const TransactionSettings& settings;
  Deadlines& deadlines;
  StateSize& size;
  AllocateProducerId allocate_producer_id;
  TellEnd tell_end;
  TransactionRules rules = {};
};

//   Empty --add--> Ongoing ---------end, with the markers in one commit------> CompleteCommit --add--> Ongoing
//                       |                                                      CompleteAbort
//                       +--end--> PrepareCommit --all markers are written-------^
//                                 PrepareAbort
//
// Invariants:
//   1. a request is answered only when the record of its state change (step) is durable;
//   2. a prepared transaction ends as it was prepared, even if another node has become its coordinator;
//   3. each transactional id has at most one step in flight. A few requests may wait for the step;
//      further requests are refused, so that the client retries.
//
// Threads: one loop. Owner: the loop's coordinator; the port and the surroundings outlive it.
class TransactionPartition final : private ReplayedState {
 public:
  TransactionPartition(PartitionId id, CoordinatorPort& port, TransactionSurroundings& around);
  ~TransactionPartition();

  void lead(LeaderEpoch epoch);
  void resign() { log_.resign(); }
  // Returns None if the partition is available, or the reason why it is not: the partition is being
  // loaded, or this node does not lead it.
  KafkaError unavailable() const { return log_.unavailable(); }

  // --- Requests; may be called only while unavailable() is None.

  void handle(InitProducer request, Done<InitializedProducer> done);
  void handle(AddPartitions request, Done<TransactionAnswer> done);
  void handle(EndTransaction request, Done<EndedTransaction> done);
  void handle(DescribeTransaction request, Done<TransactionDescription> done);
  std::vector<TransactionListing> list() const;

  // Deletes ids that were unused for longer than the setting id_expiration_ms. Works in slices.
  void expire();

 private:
  // Limit for the requests of one transactional id that wait for the step in flight. A client sends
  // only a few requests at a time.
  static constexpr size_t kMaxWaiting = 64;
  struct Transaction {
    TransactionValue value;
    // the epoch before the current one; a repeated InitProducerId may still carry it
    int16_t last_epoch = -1;
    bool is_changing = false;
    bool is_ending = false;  // the step in flight ends the transaction
    Deadline timeout = {};
    // time at which the transaction times out (monotonic clock)
    int64_t due_us = 0;
    std::vector<std::function<void()>> waiting = {};  // requests that wait for the step in flight
    size_t size_bytes = 0;
  };
  // The transaction is shared with the callbacks of steps in flight.
  using TransactionPtr = std::shared_ptr<Transaction>;
  // A transaction whose markers are being sent. Markers that did not reach their partition are sent
  // again.
  struct Ending;

  Status replay(std::string_view key, std::optional<std::string_view> value) override;
  void on_loaded() override;
  void on_unloaded() override;

  TransactionPtr find(const std::string& id) const;
  void forget(const std::string& id);
  bool try_fit(Transaction& transaction, const std::string& id, const TransactionValue& value);
  // Stores `next` durably and makes it the current value. Then calls `done`, and after it runs the
  // requests in Transaction::waiting.
  void change(const std::string& id, const TransactionPtr& transaction, TransactionValue next,
              std::function<void(KafkaError)> done);
  // Works like change(), but calls `done` with the Status instead of Kafka's error.
  void store(const std::string& id, const TransactionPtr& transaction, TransactionValue next,
             std::function<void(const Status&)> done);
  // Queues the request until the step in flight has ended. Refuses it if too many requests are
  // waiting already.
  template <class Request>
  void wait(Transaction& transaction, Request request, Done<typename Request::Answer> done) {
    if (transaction.waiting.size() >= kMaxWaiting)
      return done(request.refusal(kConcurrentTransactions));
    transaction.waiting.push_back(
        [this, request = std::move(request), done = std::move(done)]() mutable {
          const KafkaError why_not = unavailable();
          if (why_not != KafkaError::None) return done(request.refusal(why_not));
          handle(std::move(request), std::move(done));
        });
  }
  static void wake(const TransactionPtr& transaction);

  void make(InitProducer request, Done<InitializedProducer> done);
  void initialize(const std::string& id, const TransactionPtr& transaction, TransactionValue next,
                  int16_t last_epoch, Done<InitializedProducer> done);
  void bump(InitProducer request, const TransactionPtr& transaction,
            Done<InitializedProducer> done);
  void renew(InitProducer request, const TransactionPtr& transaction,
             Done<InitializedProducer> done);
  void with_new_id(const TransactionPtr& transaction,
                   std::function<void(KafkaError, ProducerId)> then);
  void expire_some(std::shared_ptr<std::vector<std::string>> ids);
  void expire_one(const std::string& id, const TransactionPtr& transaction);
  KafkaError check_producer(const Transaction& transaction, const ProducerIdentity& producer) const;

  // The following functions are in transaction_ends.cc.
  static TransactionValue prepared(const TransactionValue& value, bool is_commit, int16_t epoch);
  void end_second(EndTransaction request, const TransactionPtr& transaction,
                  Done<EndedTransaction> done);
  Done<EndedTransaction> when_told(const TransactionPtr& transaction,
                                   Done<EndedTransaction> done) const;
  void end_with_new_epoch(EndTransaction request, const TransactionPtr& transaction,
                          Done<EndedTransaction> done);
  void end(const std::string& id, const TransactionPtr& transaction, TransactionValue next,
           int16_t last_epoch, std::function<void(KafkaError)> done);
  bool try_end_at_once(const std::string& id, const TransactionPtr& transaction,
                       const TransactionValue& next, int16_t last_epoch,
                       const std::function<void(KafkaError)>& done);
  void ended_at_once(const TransactionPtr& transaction, const TransactionValue& next,
                     std::function<void(KafkaError)> done);
  void prepare(const std::string& id, const TransactionPtr& transaction, TransactionValue next,
               int16_t last_epoch, std::function<void(KafkaError)> done);
  TransactionEnded end_of(const TransactionValue& next) const;
  void tell_partitions(const std::string& id, const TransactionPtr& transaction);
  void tell_some(const std::shared_ptr<Ending>& ending);
  void told(const std::shared_ptr<Ending>& ending, size_t place, const Status& status);
  void complete(const std::string& id, const TransactionPtr& transaction);
  void set_timeout(const std::string& id, const TransactionPtr& transaction,
                   int64_t most_ms = INT64_MAX);
  void arm_timeout(const std::string& id, const TransactionPtr& transaction);
  void on_timeout(const std::string& id, const TransactionPtr& transaction);

  const PartitionId id_;
  CoordinatorPort& port_;
  TransactionSurroundings& around_;
  LeaderEpoch epoch_;
  ReplayedPartition log_;
  // Ordered, so that simulations can be repeated.
  absl::btree_map<std::string, TransactionPtr> transactions_;

  // Replaced when this node no longer leads the partition. Callbacks hold a weak pointer to it, and
  // do nothing if it has expired.
  std::shared_ptr<char> term_;
};

}  // namespace server::coordinator
