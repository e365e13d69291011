#include "server/kafka/refused_batches.h"

#include <algorithm>

#include "server/coordinator/transaction_errors.h"

namespace server::kafka {

namespace {

bool passes(KafkaError error) {
  switch (error) {
    case KafkaError::NotLeaderOrFollower:
    case KafkaError::NotEnoughReplicas:
    case KafkaError::RequestTimedOut:
    case KafkaError::CoordinatorNotAvailable:
    case KafkaError::CorruptMessage:
    case KafkaError::KafkaStorageError:
    case KafkaError::UnknownTopicOrPartition:
      return true;
    default:
      return error == coordinator::kConcurrentTransactions ||
             error == coordinator::kCoordinatorLoadInProgress ||
             error == coordinator::kNotCoordinator;
  }
}

bool is_same_producer(const SequencedBatch& a, const SequencedBatch& b) {
  return a.partition == b.partition && a.producer == b.producer && a.epoch == b.epoch;
}

// Returns whether the batch `later` comes after `earlier`. Sequence numbers wrap to 0 after 2^31-1.
bool is_behind(const SequencedBatch& later, const SequencedBatch& earlier) {
  const uint32_t distance = (static_cast<uint32_t>(later.first_sequence) -
                             static_cast<uint32_t>(earlier.first_sequence)) &
                            0x7fffffffu;
  return distance > 0 && distance < 0x40000000u;
}

bool is_past(int64_t at_us, int64_t now_us) {
  return now_us - at_us > RefusedBatches::kRemembered_us;
}

}  // namespace

std::optional<SequencedBatch> SequencedBatch::of(const storage::TopicPartition& partition,
                                                 const records::BatchHeader& header) {
  if (header.producer_id == records::kNoProducer || header.base_sequence < 0) return std::nullopt;
  return SequencedBatch{partition, header.producer_id, header.producer_epoch, header.base_sequence};
}

std::vector<RefusedBatches::Refused>::iterator RefusedBatches::find(const SequencedBatch& batch) {
  return std::ranges::find_if(
      refused_, [&](const Refused& known) { return is_same_producer(known.batch, batch); });
}

void RefusedBatches::refused(const SequencedBatch& batch, KafkaError error, int64_t now_us) {
  if (!passes(error)) return;
  Refused refused{batch, error, now_us, now_us};
  if (const auto known = find(batch); known != refused_.end()) {
    // `batch` gets the error of the earlier refused batch known->batch, which remains stored. If the earlier refusal is
    // old, it is deleted: the earlier batch may have been written to the log through another leader.
    const bool is_of_that = is_behind(batch, known->batch) && !is_past(known->first_us, now_us);
    if (is_of_that) refused = {known->batch, known->error, known->first_us, now_us};
    refused_.erase(known);
  } else if (refused_.size() == kMost) {
    refused_.erase(refused_.begin());
  }
  refused_.push_back(refused);
}

void RefusedBatches::taken(const SequencedBatch& batch) {
  const auto known = find(batch);
  if (known != refused_.end() && !is_behind(known->batch, batch)) refused_.erase(known);
}

const RefusedBatches::Refused* RefusedBatches::find_before(const SequencedBatch& batch,
                                                           int64_t now_us) const {
  for (const Refused& known : refused_)
    if (is_same_producer(known.batch, batch) && is_behind(batch, known.batch) &&
        !is_past(known.last_us, now_us))
      return &known;
  return nullptr;
}

std::optional<KafkaError> RefusedBatches::before(const SequencedBatch& batch,
                                                 int64_t now_us) const {
  const Refused* known = find_before(batch, now_us);
  return known ? std::optional(known->error) : std::nullopt;
}

std::optional<KafkaError> RefusedBatches::first_before(const SequencedBatch& batch,
                                                       int64_t now_us) const {
  const Refused* known = find_before(batch, now_us);
  const bool is_first =
      known && known->batch.first_sequence == 0 && !is_past(known->first_us, now_us);
  return is_first ? std::optional(known->error) : std::nullopt;
}

}  // namespace server::kafka
