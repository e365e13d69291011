// Commits and aborts of transactions. The coordinator first stores its decision, so that another coordinator would
// carry out the same one. Then it sends every partition of the transaction a marker, the record that ends the
// transaction there.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "records/control_batch.h"
#include "server/coordinator/internal_topics.h"
#include "server/coordinator/transaction_partition.h"

namespace server::coordinator {

namespace {

constexpr int64_t kTellAgainUs = 100'000;
// Limit for the markers of a transaction that are in flight.
constexpr size_t kMaxTelling = 256;

}  // namespace

struct TransactionPartition::Ending {
  std::string id;
  TransactionPtr transaction;
  TransactionEnded ended;
  std::vector<std::pair<std::string, int32_t>> partitions;
  std::vector<size_t> again = {};  // indexes of `partitions` whose marker has to be sent again
  size_t next = 0, under_way = 0;
  std::weak_ptr<char> term;
  bool is_replaced = false;  // a partition has reported a newer producer or coordinator
};

// --- Requests

void TransactionPartition::handle(EndTransaction request, Done<EndedTransaction> done) {
  const TransactionPtr transaction = find(request.transactional_id);
  if (!transaction) return done(request.refusal(kInvalidProducerIdMapping));
  if (request.is_of_second_version)
    return end_second(std::move(request), transaction, std::move(done));
  if (const KafkaError error = check_producer(*transaction, request.producer);
      error != KafkaError::None)
    return done(request.refusal(error));
  if (transaction->is_changing) return wait(*transaction, std::move(request), std::move(done));
  const TransactionState state = transaction->value.state;
  if (state == TransactionState::Ongoing)
    return end(request.transactional_id, transaction,
               prepared(transaction->value, request.is_commit, request.producer.epoch), -1,
               [producer = request.producer, done = std::move(done)](KafkaError error) {
                 done({error, producer});
               });
  const bool is_over = state == (request.is_commit ? TransactionState::CompleteCommit
                                                   : TransactionState::CompleteAbort);
  if (!is_over) return done({kInvalidTxnState, request.producer});
  // The transaction has already ended. There are two possible reasons. Either the client did not get the answer to
  // an earlier request. Or this node was frozen, and meanwhile another node became the coordinator: it began a
  // later transaction with the same epoch, and the client wants to end that transaction. In the second case this
  // node cannot write the state. So the state is written again, and the request succeeds only if the write does.
  change(request.transactional_id, transaction, transaction->value,
         [producer = request.producer, done = std::move(done)](KafkaError error) {
           done({error, producer});
         });
}

namespace {

// Returns whether the producer repeats an end because the answer with its new epoch was lost. In
// the first version of the protocol an end gives no new epoch, so there a newer epoch belongs to a
// later producer.
bool is_retry(const TransactionValue& value, const ProducerIdentity& producer) {
  if (value.client_version < kSecondVersion) return false;
  if (producer.id == value.producer_id) return producer.epoch + 1 == value.epoch;
  return producer.id == value.previous_producer_id && producer.epoch >= kMaxProducerEpoch &&
         value.epoch == 0;
}

}  // namespace

// Ends a transaction by the second version of the protocol, as
// TransactionCoordinator.endTransaction() of Kafka does. If a step of the transaction is in
// progress, the request waits for it, because the producer may already know the result of that
// step.
void TransactionPartition::end_second(EndTransaction request, const TransactionPtr& transaction,
                                      Done<EndedTransaction> done) {
  if (transaction->is_changing) return wait(*transaction, std::move(request), std::move(done));
  const TransactionValue& value = transaction->value;
  const bool is_over = value.state == TransactionState::CompleteCommit ||
                       value.state == TransactionState::CompleteAbort;
  if (is_over && is_retry(value, request.producer)) {
    const bool is_same = (value.state == TransactionState::CompleteCommit) == request.is_commit;
    return done({is_same ? KafkaError::None : kInvalidTxnState,
                 {value.producer_id, value.epoch},
                 request.waits_until_told});
  }
  if (const KafkaError error = check_producer(*transaction, request.producer);
      error != KafkaError::None)
    return done(request.refusal(error));
  if (std::exchange(request.waits_until_told, false))
    done = when_told(transaction, std::move(done));
  // A transaction that has not started may be aborted: a producer does not know whether its last request has
  // arrived. It may not be committed.
  if (value.state != TransactionState::Ongoing && request.is_commit)
    return done(request.refusal(kInvalidTxnState));
  end_with_new_epoch(std::move(request), transaction, std::move(done));
}

// Returns a callback that passes its answer to `done` only when all partitions of the transaction
// have their markers.
Done<EndedTransaction> TransactionPartition::when_told(const TransactionPtr& transaction,
                                                       Done<EndedTransaction> done) const {
  return
      [term = std::weak_ptr(term_), transaction, done = std::move(done)](EndedTransaction answer) {
        if (answer.error != KafkaError::None) return done(answer);
        const auto tell = [term, done, answer, transaction = std::weak_ptr(transaction)] {
          const TransactionPtr known = transaction.lock();
          EndedTransaction ended = answer;
          ended.is_told = !term.expired() && known && !known->value.is_prepared();
          done(ended);
        };
        if (!transaction->is_changing) return tell();
        transaction->waiting.push_back(tell);
      };
}

void TransactionPartition::end_with_new_epoch(EndTransaction request,
                                              const TransactionPtr& transaction,
                                              Done<EndedTransaction> done) {
  TransactionValue next = prepared(transaction->value, request.is_commit,
                                   static_cast<int16_t>(request.producer.epoch + 1));
  next.client_version = kSecondVersion;
  const auto go_on = [this, id = request.transactional_id, transaction, done](
                         TransactionValue decided, int16_t last_epoch) {
    const ProducerIdentity after = decided.next_producer_id >= ProducerId{0}
                                       ? ProducerIdentity{decided.next_producer_id, 0}
                                       : ProducerIdentity{decided.producer_id, decided.epoch};
    end(id, transaction, std::move(decided), last_epoch, [done, after](KafkaError error) {
      done({error, error == KafkaError::None ? after : ProducerIdentity{}});
    });
  };
  if (request.producer.epoch < kMaxProducerEpoch)
    return go_on(std::move(next), request.producer.epoch);
  with_new_id(transaction, [go_on, next = std::move(next), request = std::move(request), done](
                               KafkaError error, ProducerId id) mutable {
    if (error != KafkaError::None) return done(request.refusal(error));
    next.next_producer_id = id;
    go_on(std::move(next), -1);
  });
}

// --- Ends

// Returns `value` with the state PrepareCommit or PrepareAbort. `epoch` is the producer's epoch from then on: requests
// with earlier epochs are rejected.
TransactionValue TransactionPartition::prepared(const TransactionValue& value, bool is_commit,
                                                int16_t epoch) {
  TransactionValue next = value;
  if (value.state != TransactionState::Ongoing) next.partitions.clear();
  next.state = is_commit ? TransactionState::PrepareCommit : TransactionState::PrepareAbort;
  next.epoch = std::max(epoch, value.epoch);  // INT16_MAX + 1 wraps to a negative number
  return next;
}

namespace {

TransactionValue completed(TransactionValue value) {
  value.state = value.state == TransactionState::PrepareCommit ? TransactionState::CompleteCommit
                                                               : TransactionState::CompleteAbort;
  value.partitions.clear();
  if (value.next_producer_id >= ProducerId{0}) {
    value.previous_producer_id = std::exchange(value.producer_id, value.next_producer_id);
    value.next_producer_id = ProducerId{-1};
    value.epoch = 0;
  }
  return value;
}

size_t count(const PartitionsByTopic& partitions) {
  size_t sum = 0;
  for (const auto& [topic, of_topic] : partitions) sum += of_topic.size();
  return sum;
}

}  // namespace

TransactionEnded TransactionPartition::end_of(const TransactionValue& next) const {
  const auto end = next.state == TransactionState::PrepareCommit ? records::TransactionEnd::Commit
                                                                 : records::TransactionEnd::Abort;
  return {{next.producer_id, next.epoch}, {end, epoch_.value()}};
}

// Ends the transaction. `next` is its value in the state PrepareCommit or PrepareAbort. A client that repeats
// InitProducerId with the older epoch `last_epoch` still gets an answer afterwards; -1: no older epoch is accepted.
void TransactionPartition::end(const std::string& id, const TransactionPtr& transaction,
                               TransactionValue next, int16_t last_epoch,
                               std::function<void(KafkaError)> done) {
  around_.deadlines.cancel(transaction->timeout);
  transaction->is_ending = true;
  if (!try_end_at_once(id, transaction, next, last_epoch, done))
    prepare(id, transaction, std::move(next), last_epoch, std::move(done));
}

// Stores the end of the transaction and all its markers in one commit of the log instead of three
// commits in sequence (docs/adr/0032). Returns false, and does nothing, if the settings do not
// allow that or if there are too many markers. If the commit fails, for example because this node
// does not lead all partitions, the end is stored first and then the markers are sent separately.
bool TransactionPartition::try_end_at_once(const std::string& id, const TransactionPtr& transaction,
                                           const TransactionValue& next, int16_t last_epoch,
                                           const std::function<void(KafkaError)>& done) {
  if (!around_.rules.ends_at_once) return false;
  // A larger commit would block the log's writer, so a larger number of markers is sent in groups.
  if (count(next.partitions) > kMaxTelling) return false;
  transaction->is_changing = true;
  const TransactionEnded ended = end_of(next);
  std::vector<CoordinatorPort::Elsewhere> markers;
  for (const auto& [topic, partitions] : next.partitions)
    for (const int32_t partition : partitions)
      markers.push_back({topic, partition,
                         records::marker_batch(ended.producer.id, ended.producer.epoch,
                                               ended.marker, port_.clock().wall_ms())});
  TransactionValue last = completed(next);
  last.last_update_ms = port_.clock().wall_ms();
  log_.append_with({{encode_transaction_key(id), encode(last)}}, std::move(markers),
                   [this, term = std::weak_ptr(term_), id, transaction, next,
                    last = std::move(last), last_epoch, done](const Status& status) mutable {
                     transaction->is_changing = false;
                     if (!term.lock()) {
                       transaction->is_ending = false;
                       return done(kNotCoordinator);
                     }
                     // One of the partitions cannot be written, so the end and the markers are
                     // written separately.
                     if (!status)
                       return prepare(id, transaction, std::move(next), last_epoch,
                                      std::move(done));
                     // This call never fails, because the value has become smaller.
                     try_fit(*transaction, id, last);
                     transaction->value = std::move(last);
                     transaction->last_epoch = last_epoch;
                     ended_at_once(transaction, next, std::move(done));
                   });
  return true;
}

// Notifies the coordinators of groups that the transaction has ended: they do not notice markers
// that other code appends to their partitions. Then calls `done`.
void TransactionPartition::ended_at_once(const TransactionPtr& transaction,
                                         const TransactionValue& next,
                                         std::function<void(KafkaError)> done) {
  transaction->is_changing = true;
  auto left = std::make_shared<size_t>(1);
  const auto end_one = [transaction, left, done = std::move(done)](const Status&) {
    if (--*left > 0) return;
    transaction->is_changing = transaction->is_ending = false;
    done(KafkaError::None);
    if (!transaction->is_changing) wake(transaction);
  };
  if (const auto offsets = next.partitions.find(kOffsetsTopic); offsets != next.partitions.end())
    for (const int32_t partition : offsets->second) {
      ++*left;
      around_.tell_end(offsets->first, partition, end_of(next), Marker::Stored, end_one);
    }
  end_one({});
}

void TransactionPartition::prepare(const std::string& id, const TransactionPtr& transaction,
                                   TransactionValue next, int16_t last_epoch,
                                   std::function<void(KafkaError)> done) {
  change(id, transaction, std::move(next),
         [this, term = std::weak_ptr(term_), id, transaction, last_epoch,
          done = std::move(done)](KafkaError error) {
           transaction->is_ending = false;
           if (term.lock() && error == KafkaError::None) {
             transaction->last_epoch = last_epoch;
             transaction->is_changing = true;  // no other step starts until all markers are written
             tell_partitions(id, transaction);
           } else if (term.lock() && transaction->value.state == TransactionState::Ongoing) {
             // The end could not be stored, for example because the disk is full. The transaction
             // stays open, so its timeout has to run again.
             arm_timeout(id, transaction);
           }
           done(error);
         });
}

void TransactionPartition::tell_partitions(const std::string& id,
                                           const TransactionPtr& transaction) {
  const TransactionValue& value = transaction->value;
  auto ending =
      std::make_shared<Ending>(Ending{id, transaction, end_of(value), {}, {}, 0, 0, term_, false});
  for (const auto& [topic, partitions] : value.partitions)
    for (const int32_t partition : partitions) ending->partitions.emplace_back(topic, partition);
  if (ending->partitions.empty()) return complete(id, transaction);
  tell_some(ending);
}

void TransactionPartition::tell_some(const std::shared_ptr<Ending>& ending) {
  while (ending->next < ending->partitions.size() && ending->under_way < kMaxTelling) {
    const size_t place = ending->next++;
    ++ending->under_way;
    const auto& [topic, partition] = ending->partitions[place];
    around_.tell_end(topic, partition, ending->ended, Marker::ToBeStored,
                     [this, ending, place](const Status& status) { told(ending, place, status); });
  }
}

void TransactionPartition::told(const std::shared_ptr<Ending>& ending, size_t place,
                                const Status& status) {
  if (ending->term.expired()) return;  // the next coordinator sends all markers
  --ending->under_way;
  if (!status) {
    // Another coordinator with a newer epoch has sent an end to the partition. It may be the same
    // end, and it may not be durable yet, so this coordinator does not know that all markers are
    // written. It repeats the marker until it learns that it was replaced.
    const bool is_replaced = status.error().code == ErrorCode::FencedTask;
    if (is_replaced && !std::exchange(ending->is_replaced, true))
      log_warn(
          "the end of a transaction arrived too late transactional-id=\"{}\" topic=\"{}\" "
          "error=\"{}\"",
          ending->id, ending->partitions[place].first, status.error().message);
    if (around_.rules.tells_again) ending->again.push_back(place);
  }
  if (ending->next < ending->partitions.size()) return tell_some(ending);
  if (ending->under_way > 0) return;
  if (ending->again.empty()) return complete(ending->id, ending->transaction);
  std::vector<std::pair<std::string, int32_t>> left;
  for (const size_t each : std::exchange(ending->again, {}))
    left.push_back(std::move(ending->partitions[each]));
  ending->partitions = std::move(left);
  ending->next = 0;
  around_.deadlines.set(port_.clock().monotonic_us() + kTellAgainUs, [this, ending] {
    if (!ending->term.expired()) tell_some(ending);
  });
}

void TransactionPartition::complete(const std::string& id, const TransactionPtr& transaction) {
  change(id, transaction, completed(transaction->value),
         [this, term = std::weak_ptr(term_), id, transaction](KafkaError error) {
           if (error == KafkaError::None || term.expired()) return;
           // The end could not be stored, for example because the disk is full. No other step can start until it is
           // stored.
           transaction->is_changing = true;
           around_.deadlines.set(port_.clock().monotonic_us() + kTellAgainUs,
                                 [this, term, id, transaction] {
                                   if (!term.expired()) complete(id, transaction);
                                 });
         });
}

// --- Timeouts

void TransactionPartition::set_timeout(const std::string& id, const TransactionPtr& transaction,
                                       int64_t most_ms) {
  const TransactionValue& value = transaction->value;
  const int64_t left_ms = std::min(
      most_ms, std::clamp<int64_t>(value.start_ms + value.timeout_ms - port_.clock().wall_ms(), 0,
                                   value.timeout_ms));
  transaction->due_us = port_.clock().monotonic_us() + left_ms * 1000;
  arm_timeout(id, transaction);
}

// Sets the timer for the rest of the timeout, but at least for a short time. It is set again after an end that could
// not be stored, because the client that requested the end may be gone.
void TransactionPartition::arm_timeout(const std::string& id, const TransactionPtr& transaction) {
  around_.deadlines.cancel(transaction->timeout);
  transaction->timeout = around_.deadlines.set(
      std::max(transaction->due_us, port_.clock().monotonic_us() + kTellAgainUs),
      [this, id, transaction] { on_timeout(id, transaction); });
}

// Aborts the transaction. The producer may only be slow and still running, so its epoch is
// increased: its later requests, which have the old epoch, are rejected.
void TransactionPartition::on_timeout(const std::string& id, const TransactionPtr& transaction) {
  transaction->timeout = {};
  if (transaction->value.state != TransactionState::Ongoing) return;
  if (transaction->is_changing) {
    arm_timeout(id, transaction);
    return;
  }
  const auto epoch = static_cast<int16_t>(transaction->value.epoch + 1);
  end(id, transaction, prepared(transaction->value, false, epoch), -1,
      [id, timeout_ms = transaction->value.timeout_ms](KafkaError error) {
        if (error == KafkaError::None)
          log_info(
              "a transaction was aborted because it exceeded its time-out transactional-id=\"{}\" "
              "timeout-ms={}",
              id, timeout_ms);
      });
}

}  // namespace server::coordinator
