#include "server/coordinator/transaction_partition.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "server/coordinator/node_commits.h"

namespace server::coordinator {

namespace {

constexpr size_t kBytesOfTransaction = 400, kBytesOfTopic = 80;  // approximate sizes in memory
constexpr size_t kMaxIdBytes = 4'096;
// The number of ids that one slice handles: about half a millisecond of work.
constexpr size_t kSliceOfIds = 1'000;
// Timeouts after a change of the coordinator (on_loaded()), for transactions in which a node
// commits rows. The first one is for an open transaction, the second one for a transaction that has
// no partitions yet.
constexpr int64_t kTakenOverMs = 1'000;
constexpr int32_t kJoinedLateMs = 2'000;

size_t size_of(const std::string& id, const TransactionValue& value) {
  size_t bytes = kBytesOfTransaction + id.size();
  for (const auto& [topic, partitions] : value.partitions)
    bytes += kBytesOfTopic + topic.size() + partitions.size() * sizeof(int32_t);
  return bytes;
}

// Returns the value in the state Empty, with the timeout of the request.
TransactionValue emptied(TransactionValue value, const InitProducer& request) {
  value.state = TransactionState::Empty;
  value.timeout_ms = request.timeout_ms;
  value.start_ms = -1;
  return value;
}

PartitionsByTopic minus(const PartitionsByTopic& some, const PartitionsByTopic& all) {
  PartitionsByTopic missing;
  for (const auto& [topic, partitions] : some) {
    const auto found = all.find(topic);
    for (const int32_t partition : partitions)
      if (found == all.end() || !std::ranges::binary_search(found->second, partition))
        missing[topic].push_back(partition);
  }
  return missing;
}

}  // namespace

TransactionPartition::TransactionPartition(PartitionId id, CoordinatorPort& port,
                                           TransactionSurroundings& around)
    : id_(id), port_(port), around_(around), log_(id, port, *this) {}

TransactionPartition::~TransactionPartition() { log_.resign(); }

void TransactionPartition::lead(LeaderEpoch epoch) {
  log_.resign();
  epoch_ = epoch;
  term_ = std::make_shared<char>();
  log_.lead(epoch);
}

// --- The state

Status TransactionPartition::replay(std::string_view key, std::optional<std::string_view> value) {
  const std::string id = TRY(decode_transaction_key(key));
  if (!value) {
    forget(id);
    return {};
  }
  TransactionValue stored = TRY(decode_transaction_value(*value));
  TransactionPtr& transaction = transactions_[id];
  if (!transaction) transaction = std::make_shared<Transaction>();
  const size_t bytes = size_of(id, stored);
  around_.size.shrink(transaction->size_bytes);
  around_.size.grow(bytes);
  transaction->size_bytes = bytes;
  transaction->value = std::move(stored);
  return {};
}

// Continues the transactions after a change of the coordinator. A prepared transaction ends as
// decided; an open transaction keeps the rest of its timeout. Transactions in which a node commits
// rows (node_commits.h) get a short timeout, because that node may have died together with the
// previous coordinator. If such a transaction has no partitions yet, the timeout for its future
// partitions is shortened, too: the long timeout was chosen while the node itself was the
// coordinator.
void TransactionPartition::on_loaded() {
  for (const auto& [id, transaction] : transactions_) {
    if (transaction->value.is_prepared()) {
      transaction->is_changing = true;
      tell_partitions(id, transaction);
    } else if (transaction->value.state == TransactionState::Ongoing) {
      set_timeout(id, transaction, is_commit_of_node(id) ? kTakenOverMs : INT64_MAX);
    } else if (is_commit_of_node(id)) {
      int32_t& timeout_ms = transaction->value.timeout_ms;
      timeout_ms = std::min(timeout_ms, kJoinedLateMs);
    }
  }
}

void TransactionPartition::on_unloaded() {
  term_.reset();
  for (auto& [id, transaction] : std::exchange(transactions_, {})) {
    around_.deadlines.cancel(transaction->timeout);
    around_.size.shrink(transaction->size_bytes);
    wake(transaction);  // each waiting request is refused with NOT_COORDINATOR
  }
}

TransactionPartition::TransactionPtr TransactionPartition::find(const std::string& id) const {
  const auto found = transactions_.find(id);
  return found == transactions_.end() ? nullptr : found->second;
}

void TransactionPartition::forget(const std::string& id) {
  const auto found = transactions_.find(id);
  if (found == transactions_.end()) return;
  around_.deadlines.cancel(found->second->timeout);
  around_.size.shrink(found->second->size_bytes);
  transactions_.erase(found);
}

// Charges the size of the new value. Returns false, and changes nothing, if the memory budget does not allow it.
bool TransactionPartition::try_fit(Transaction& transaction, const std::string& id,
                                   const TransactionValue& value) {
  const size_t bytes = size_of(id, value);
  if (bytes > transaction.size_bytes && !around_.size.try_grow(bytes - transaction.size_bytes))
    return false;
  if (bytes < transaction.size_bytes) around_.size.shrink(transaction.size_bytes - bytes);
  transaction.size_bytes = bytes;
  return true;
}

void TransactionPartition::change(const std::string& id, const TransactionPtr& transaction,
                                  TransactionValue next, std::function<void(KafkaError)> done) {
  store(id, transaction, std::move(next),
        [done = std::move(done)](const Status& status) { done(coordinator_error(status)); });
}

void TransactionPartition::store(const std::string& id, const TransactionPtr& transaction,
                                 TransactionValue next, std::function<void(const Status&)> done) {
  if (!try_fit(*transaction, id, next)) {
    done(Error{ErrorCode::OutOfMemory, "not enough memory for more transactions"});
    return wake(transaction);
  }
  transaction->is_changing = true;
  next.last_update_ms = port_.clock().wall_ms();
  StoredRecord record{encode_transaction_key(id), encode(next)};
  log_.append({std::move(record)}, [transaction, next = std::move(next),
                                    done = std::move(done)](const Status& status) mutable {
    transaction->is_changing = false;
    if (status) transaction->value = std::move(next);
    done(status);
    if (!transaction->is_changing) wake(transaction);
  });
}

// Runs the requests that wait for the step that has ended, in their order. If one of them starts
// another step, the requests after it wait again.
void TransactionPartition::wake(const TransactionPtr& transaction) {
  for (const auto& each : std::exchange(transaction->waiting, {})) each();
}

// --- Producers

void TransactionPartition::handle(InitProducer request, Done<InitializedProducer> done) {
  if (request.transactional_id.empty() || request.transactional_id.size() > kMaxIdBytes)
    return done(request.refusal(KafkaError::InvalidRequest));
  if (request.timeout_ms <= 0 || request.timeout_ms > around_.settings.max_timeout_ms)
    return done(request.refusal(kInvalidTransactionTimeout));
  const TransactionPtr transaction = find(request.transactional_id);
  if (!transaction) return make(std::move(request), std::move(done));
  if (transaction->is_changing) return wait(*transaction, std::move(request), std::move(done));
  const TransactionValue& value = transaction->value;
  const auto& expected = request.expected;
  if (expected && expected->id != value.producer_id &&
      (expected->id != value.previous_producer_id || expected->epoch < kMaxProducerEpoch))
    return done(request.refusal(kProducerFenced));
  if (value.state != TransactionState::Ongoing)
    return bump(std::move(request), transaction, std::move(done));
  if (expected && expected->id == value.producer_id && expected->epoch < value.epoch)
    return done(request.refusal(kProducerFenced));
  // The open transaction is aborted first, under an epoch that no producer gets. Then this request
  // is handled again.
  const std::string id = request.transactional_id;
  request.expected.reset();
  end(id, transaction, prepared(value, false, static_cast<int16_t>(value.epoch + 1)), -1,
      [this, transaction, request = std::move(request),
       done = std::move(done)](KafkaError error) mutable {
        if (error != KafkaError::None) return done(request.refusal(error));
        wait(*transaction, std::move(request), std::move(done));
      });
}

void TransactionPartition::make(InitProducer request, Done<InitializedProducer> done) {
  around_.allocate_producer_id([this, term = std::weak_ptr(term_), request = std::move(request),
                                done = std::move(done)](Result<ProducerId> allocated) mutable {
    if (!term.lock()) return done(request.refusal(kNotCoordinator));
    if (!allocated) return done(request.refusal(KafkaError::CoordinatorNotAvailable));
    // If another request has created the transactional id meanwhile, this request continues with
    // the existing transaction.
    if (find(request.transactional_id)) return handle(std::move(request), std::move(done));
    const TransactionPtr transaction =
        transactions_.emplace(request.transactional_id, std::make_shared<Transaction>())
            .first->second;
    TransactionValue first = emptied({}, request);
    first.producer_id = *allocated;
    first.epoch = 0;
    initialize(request.transactional_id, transaction, std::move(first), -1,
               [this, term, id = request.transactional_id,
                done = std::move(done)](const InitializedProducer& initialized) {
                 // After a failure nothing is stored for the id, so it is forgotten.
                 if (initialized.error != KafkaError::None && term.lock()) forget(id);
                 done(initialized);
               });
  });
}

// Stores `next`, and answers with the producer id and epoch. If the client does not get the answer, it repeats its
// request with the older epoch `last_epoch`, and gets the same answer again; -1: no older epoch is accepted.
void TransactionPartition::initialize(const std::string& id, const TransactionPtr& transaction,
                                      TransactionValue next, int16_t last_epoch,
                                      Done<InitializedProducer> done) {
  store(id, transaction, std::move(next),
        [this, transaction, last_epoch, done = std::move(done)](const Status& status) {
          if (!status) return done({coordinator_error_for_users(status, port_), {}});
          transaction->last_epoch = last_epoch;
          done({KafkaError::None, {transaction->value.producer_id, transaction->value.epoch}});
        });
}

// Gives the producer the next epoch, like TransactionMetadata.prepareIncrementProducerEpoch() of Kafka. A retry of an
// answered request gets the same answer.
void TransactionPartition::bump(InitProducer request, const TransactionPtr& transaction,
                                Done<InitializedProducer> done) {
  TransactionValue next = emptied(transaction->value, request);
  int16_t last_epoch = -1;
  const bool names_epoch = request.expected && request.expected->id == next.producer_id;
  if (names_epoch && request.expected->epoch != next.epoch) {
    if (request.expected->epoch != transaction->last_epoch)
      return done(request.refusal(kProducerFenced));
    last_epoch = transaction->last_epoch;
  } else if (next.epoch >= kMaxProducerEpoch) {
    return renew(std::move(request), transaction, std::move(done));
  } else {
    if (names_epoch) last_epoch = next.epoch;
    ++next.epoch;
  }
  initialize(request.transactional_id, transaction, std::move(next), last_epoch, std::move(done));
}

// Allocates a new producer id, because the epochs of the current one are used up.
void TransactionPartition::renew(InitProducer request, const TransactionPtr& transaction,
                                 Done<InitializedProducer> done) {
  with_new_id(transaction, [this, request = std::move(request), transaction,
                            done = std::move(done)](KafkaError error, ProducerId id) mutable {
    if (error != KafkaError::None) return done(request.refusal(error));
    TransactionValue next = emptied(transaction->value, request);
    next.previous_producer_id = next.producer_id;
    next.producer_id = id;
    next.epoch = 0;
    initialize(request.transactional_id, transaction, std::move(next), -1, std::move(done));
  });
}

// Allocates a producer id and calls `then`, which starts a step of the transaction. Until then the
// transaction counts as changing, so that no other step starts.
void TransactionPartition::with_new_id(const TransactionPtr& transaction,
                                       std::function<void(KafkaError, ProducerId)> then) {
  transaction->is_changing = true;
  around_.allocate_producer_id([term = std::weak_ptr(term_), transaction,
                                then = std::move(then)](Result<ProducerId> allocated) {
    transaction->is_changing = false;
    if (!term.lock()) return then(kNotCoordinator, ProducerId{-1});
    if (allocated) return then(KafkaError::None, *allocated);
    then(KafkaError::CoordinatorNotAvailable, ProducerId{-1});
    wake(transaction);
  });
}

KafkaError TransactionPartition::check_producer(const Transaction& transaction,
                                                const ProducerIdentity& producer) const {
  if (producer.id != transaction.value.producer_id) return kInvalidProducerIdMapping;
  return producer.epoch == transaction.value.epoch ? KafkaError::None : kProducerFenced;
}

// --- Partitions of a transaction

void TransactionPartition::handle(AddPartitions request, Done<TransactionAnswer> tell) {
  const Done<TransactionAnswer> done = [tell = std::move(tell),
                                        epoch = epoch_.value()](TransactionAnswer answer) {
    answer.coordinator_epoch = epoch;
    tell(std::move(answer));
  };
  const TransactionPtr transaction = find(request.transactional_id);
  if (!transaction) return done(request.refusal(kInvalidProducerIdMapping));
  if (const KafkaError error = check_producer(*transaction, request.producer);
      error != KafkaError::None)
    return done(request.refusal(error));
  // A batch that arrives while its transaction ends has to wait. Otherwise it would start another
  // transaction, which would never end.
  if (transaction->is_ending) return wait(*transaction, std::move(request), std::move(done));
  const TransactionValue& value = transaction->value;
  const bool is_open = value.state == TransactionState::Ongoing;
  PartitionsByTopic missing =
      is_open ? minus(request.partitions, value.partitions) : request.partitions;
  if (request.verify_only)
    return done({missing.empty() ? KafkaError::None : kInvalidTxnState, std::move(missing)});
  // The state is written even if the transaction already has all partitions of the request. A
  // coordinator that was replaced without its knowledge may confuse an earlier transaction with the
  // current one. Only the write detects that.
  if (transaction->is_changing) return wait(*transaction, std::move(request), std::move(done));
  TransactionValue next = value;
  if (!is_open) {
    next.partitions.clear();
    next.start_ms = port_.clock().wall_ms();
  }
  next.state = TransactionState::Ongoing;
  next.client_version = request.is_of_second_version ? kSecondVersion : 0;
  for (const auto& [topic, partitions] : missing) {
    auto& all = next.partitions[topic];
    all.insert(all.end(), partitions.begin(), partitions.end());
    std::ranges::sort(all);
  }
  change(request.transactional_id, transaction, std::move(next),
         [this, id = request.transactional_id, transaction, is_open,
          done = std::move(done)](KafkaError error) {
           if (error == KafkaError::None && !is_open) set_timeout(id, transaction);
           done({error, {}});
         });
}

// --- For administrators

void TransactionPartition::handle(DescribeTransaction request, Done<TransactionDescription> done) {
  const TransactionPtr transaction = find(request.transactional_id);
  if (!transaction || transaction->value.epoch < 0)
    return done(request.refusal(kTransactionalIdNotFound));
  done({KafkaError::None, transaction->value});
}

std::vector<TransactionListing> TransactionPartition::list() const {
  std::vector<TransactionListing> all;
  for (const auto& [id, transaction] : transactions_)
    if (transaction->value.epoch >= 0)
      all.push_back({id, transaction->value.producer_id, transaction->value.state,
                     transaction->value.start_ms});
  return all;
}

void TransactionPartition::expire() {
  if (!log_.is_active()) return;
  auto ids = std::make_shared<std::vector<std::string>>();
  for (const auto& [id, transaction] : transactions_) ids->push_back(id);
  expire_some(std::move(ids));
}

void TransactionPartition::expire_some(std::shared_ptr<std::vector<std::string>> ids) {
  for (size_t i = 0; i < kSliceOfIds && !ids->empty() && log_.is_active(); ++i) {
    if (const TransactionPtr transaction = find(ids->back())) expire_one(ids->back(), transaction);
    ids->pop_back();
  }
  if (!ids->empty() && log_.is_active())
    port_.post_rest([this, term = std::weak_ptr(term_), ids = std::move(ids)]() mutable {
      if (term.lock()) expire_some(std::move(ids));
    });
}

void TransactionPartition::expire_one(const std::string& id, const TransactionPtr& transaction) {
  const TransactionValue& value = transaction->value;
  const int64_t oldest_ms = port_.clock().wall_ms() - around_.settings.id_expiration_ms;
  const bool is_open = value.state == TransactionState::Ongoing || value.is_prepared();
  if (is_open || transaction->is_changing || value.last_update_ms > oldest_ms) return;
  transaction->is_changing = true;
  log_.append({{encode_transaction_key(id), std::nullopt}},
              [this, term = std::weak_ptr(term_), id, transaction](const Status& status) {
                transaction->is_changing = false;
                if (status && term.lock()) forget(id);
                wake(transaction);
              });
}

}  // namespace server::coordinator
