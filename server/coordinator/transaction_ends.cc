// How transactions end: decided first, then told to every partition that they wrote to.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "server/coordinator/transaction_partition.h"

namespace server::coordinator {

namespace {

constexpr int64_t kTellAgainUs = 100'000;
// Partitions that are being told at a time.
constexpr size_t kMaxTelling = 256;

}  // namespace

struct TransactionPartition::Ending {
  std::string id;
  TransactionPtr transaction;
  TransactionEnded ended;
  std::vector<std::pair<std::string, int32_t>> partitions;
  std::vector<size_t> again = {};  // of those that were not reached
  size_t next = 0, under_way = 0;
  std::weak_ptr<char> term;
};

// `epoch`: of the producer from then on. A newer one than it had fences it.
void TransactionPartition::prepare(const std::string& id, const TransactionPtr& transaction,
                                   bool is_commit, int16_t epoch,
                                   std::function<void(KafkaError)> done) {
  around_.deadlines.cancel(transaction->timeout);
  TransactionValue next = transaction->value;
  next.state = is_commit ? TransactionState::PrepareCommit : TransactionState::PrepareAbort;
  next.epoch = epoch;
  change(id, transaction, std::move(next),
         [this, term = std::weak_ptr(term_), id, transaction,
          done = std::move(done)](KafkaError error) {
           if (term.lock() && error == KafkaError::None) {
             transaction->last_epoch = -1;
             transaction->is_changing = true;  // until all are told
             tell_partitions(id, transaction);
           } else if (term.lock()) {
             set_timeout(id, transaction);
           }
           done(error);
         });
}

void TransactionPartition::tell_partitions(const std::string& id,
                                           const TransactionPtr& transaction) {
  const TransactionValue& value = transaction->value;
  const auto end = value.state == TransactionState::PrepareCommit ? records::TransactionEnd::Commit
                                                                  : records::TransactionEnd::Abort;
  auto ending =
      std::make_shared<Ending>(Ending{id,
                                      transaction,
                                      {{value.producer_id, value.epoch}, {end, epoch_.value()}},
                                      {},
                                      {},
                                      0,
                                      0,
                                      term_});
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
    around_.tell_end(topic, partition, ending->ended,
                     [this, ending, place](const Status& status) { told(ending, place, status); });
  }
}

void TransactionPartition::told(const std::shared_ptr<Ending>& ending, size_t place,
                                const Status& status) {
  if (ending->term.expired()) return;  // the next coordinator tells them all
  --ending->under_way;
  if (!status) {
    // A newer coordinator has told it something, perhaps the same: he knows.
    if (status.error().code == ErrorCode::FencedTask)
      log_warn(
          "the end of a transaction came too late transactional-id=\"{}\" topic=\"{}\" "
          "error=\"{}\"",
          ending->id, ending->partitions[place].first, status.error().message);
    else
      ending->again.push_back(place);
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
  TransactionValue next = transaction->value;
  next.state = next.state == TransactionState::PrepareCommit ? TransactionState::CompleteCommit
                                                             : TransactionState::CompleteAbort;
  next.partitions.clear();
  change(id, transaction, std::move(next),
         [this, term = std::weak_ptr(term_), id, transaction](KafkaError error) {
           if (error == KafkaError::None || term.expired()) return;
           // A full disk, say. Until then nothing else can begin.
           transaction->is_changing = true;
           around_.deadlines.set(port_.clock().monotonic_us() + kTellAgainUs,
                                 [this, term, id, transaction] {
                                   if (!term.expired()) complete(id, transaction);
                                 });
         });
}

// --- Time-outs

void TransactionPartition::set_timeout(const std::string& id, const TransactionPtr& transaction) {
  const TransactionValue& value = transaction->value;
  const int64_t left_ms = std::clamp<int64_t>(
      value.start_ms + value.timeout_ms - port_.clock().wall_ms(), 0, value.timeout_ms);
  around_.deadlines.cancel(transaction->timeout);
  transaction->timeout =
      around_.deadlines.set(port_.clock().monotonic_us() + left_ms * 1000,
                            [this, id, transaction] { on_timeout(id, transaction); });
}

// The producer may be there still, and slow: the new epoch keeps what it sends later out.
void TransactionPartition::on_timeout(const std::string& id, const TransactionPtr& transaction) {
  transaction->timeout = {};
  if (transaction->value.state != TransactionState::Ongoing) return;
  if (transaction->is_changing) {
    transaction->timeout =
        around_.deadlines.set(port_.clock().monotonic_us() + kTellAgainUs,
                              [this, id, transaction] { on_timeout(id, transaction); });
    return;
  }
  log_info("a transaction is aborted, its time is over transactional-id=\"{}\" timeout-ms={}", id,
           transaction->value.timeout_ms);
  prepare(id, transaction, false, static_cast<int16_t>(transaction->value.epoch + 1),
          [](KafkaError) {});
}

}  // namespace server::coordinator
