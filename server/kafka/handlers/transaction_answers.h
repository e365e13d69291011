// Functions that the handlers of transactions share.
#pragma once
#include <optional>
#include <string>
#include <utility>

#include "server/coordinator/internal_topics.h"
#include "server/coordinator/key_partition.h"
#include "server/coordinator/transaction_messages.h"
#include "server/kafka/backend.h"

namespace server::kafka {

// Returns InvalidProducerEpoch in place of kProducerFenced, for clients that do not know
// kProducerFenced (KIP-588).
inline KafkaError as_old_epoch(KafkaError error) {
  return error == coordinator::kProducerFenced ? KafkaError::InvalidProducerEpoch : error;
}
inline KafkaError known_to_client(KafkaError error, int16_t version, int16_t first_with_fenced) {
  return version < first_with_fenced ? as_old_epoch(error) : error;
}

// Replaces the error for an invalid state if the client supports TRANSACTION_ABORTABLE: the client
// then aborts the transaction and its producer can continue (KIP-890). Clients support it from the
// version `first_with_abortable` on.
inline KafkaError as_abortable(KafkaError error, int16_t version, int16_t first_with_abortable) {
  return version >= first_with_abortable && error == coordinator::kInvalidTxnState
             ? coordinator::kTransactionAbortable
             : error;
}

// How a group's offsets become part of a transaction.
enum class Membership {
  Verified,  // the partition must already be part of the transaction
  Added,
  AddedBySecondVersion,  // the request that commits the offsets adds the partition
};

// Returns the request that adds the partition of the group's offsets to the producer's transaction,
// or verifies that it was added. Returns nullopt if the topic of the offsets does not exist yet.
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
