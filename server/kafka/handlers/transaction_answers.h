// What the handlers of transactions have in common.
#pragma once
#include <optional>
#include <string>
#include <utility>

#include "server/coordinator/internal_topics.h"
#include "server/coordinator/key_partition.h"
#include "server/coordinator/transaction_messages.h"
#include "server/kafka/backend.h"

namespace server::kafka {

// For clients that do not know the code for a producer that was replaced (KIP-588): its epoch is an old one.
inline KafkaError as_old_epoch(KafkaError error) {
  return error == coordinator::kProducerFenced ? KafkaError::InvalidProducerEpoch : error;
}
inline KafkaError known_to_client(KafkaError error, int16_t version, int16_t first_with_fenced) {
  return version < first_with_fenced ? as_old_epoch(error) : error;
}

// From the version on in which clients know it: the transaction cannot go on, and its producer can (KIP-890).
inline KafkaError as_abortable(KafkaError error, int16_t version, int16_t first_with_abortable) {
  return version >= first_with_abortable && error == coordinator::kInvalidTxnState
             ? coordinator::kTransactionAbortable
             : error;
}

// How the offsets of a group become part of a transaction.
enum class Membership {
  Verified,  // they must be
  Added,
  AddedBySecondVersion,  // by the request that commits them
};

// Makes the partition in which the request's group keeps its offsets part of its producer's transaction, or
// asks whether it is. Nothing when there are no such partitions yet.
template <class Request>
std::optional<coordinator::AddPartitions> add_offsets_of_group(const Backend& backend,
                                                               const Request& request,
                                                               Membership how) {
  const auto topics = backend.topics();
  const storage::TopicInfo* offsets = topics->find(coordinator::kOffsetsTopic);
  if (!offsets) return std::nullopt;
  const PartitionId partition =
      coordinator::partition_of_key(request.group_id, offsets->partition_count);
  return coordinator::AddPartitions{
      .transactional_id = request.transactional_id,
      .producer = {ProducerId{request.producer_id}, request.producer_epoch},
      .partitions = {{std::string(coordinator::kOffsetsTopic), {partition.value()}}},
      .verify_only = how == Membership::Verified,
      .is_of_second_version = how == Membership::AddedBySecondVersion};
}

}  // namespace server::kafka
