// Requests and answers of transaction coordinators: the contents of Kafka's requests, in one form
// for all versions of the protocol.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/coordinator/group_messages.h"
#include "server/coordinator/producer_identity.h"
#include "server/coordinator/transaction_errors.h"
#include "server/coordinator/transaction_records.h"

namespace server::coordinator {

struct InitializedProducer {
  KafkaError error = KafkaError::None;
  ProducerIdentity producer = {};
};
// Fences the previous producer of the transactional id, and aborts its open transaction.
struct InitProducer {
  using Answer = InitializedProducer;
  std::string transactional_id = {};
  int32_t timeout_ms = 0;
  // The identity that the producer has; set if it continues after an error (KIP-360).
  std::optional<ProducerIdentity> expected = {};
  Answer refusal(KafkaError error) const { return {.error = error}; }
};

struct TransactionAnswer {
  KafkaError error = KafkaError::None;
  PartitionsByTopic missing = {};  // partitions outside the transaction; set with kInvalidTxnState
  int32_t coordinator_epoch = 0;   // leader epoch of the answering coordinator
};
// Adds partitions to the producer's transaction, or checks that they belong to it.
struct AddPartitions {
  using Answer = TransactionAnswer;
  std::string transactional_id = {};
  ProducerIdentity producer = {};
  PartitionsByTopic partitions = {};
  bool verify_only = false;  // true: only checks that the partitions belong to the transaction
  // The client uses the second version of the protocol: a new epoch with each end (KIP-890).
  bool is_of_second_version = false;
  Answer refusal(KafkaError error) const { return {error, {}}; }
};

struct EndedTransaction {
  KafkaError error = KafkaError::None;
  ProducerIdentity producer = {};  // identity for the next transaction
  bool is_told = false;            // all markers are written; set only if requested
};
// Ends the transaction. The request is answered when the outcome is decided and stored; readers see
// the outcome shortly afterwards, when the markers are written.
struct EndTransaction {
  using Answer = EndedTransaction;
  std::string transactional_id = {};
  ProducerIdentity producer = {};
  bool is_commit = false;
  // The client uses the second version of the transaction protocol (KIP-890): the producer gets a
  // new epoch with each end, and may abort an empty transaction.
  bool is_of_second_version = false;
  // Second version only: the request is answered when all partitions have their markers, so that
  // readers see the outcome. If another node has to write the markers, the request does not wait
  // for them, and `is_told` of the answer is false.
  bool waits_until_told = false;
  Answer refusal(KafkaError error) const { return {.error = error}; }
};

struct TransactionDescription {
  KafkaError error = KafkaError::None;
  TransactionValue value = {};
};
struct DescribeTransaction {
  using Answer = TransactionDescription;
  std::string transactional_id = {};
  Answer refusal(KafkaError error) const { return {.error = error}; }
};

struct TransactionListing {
  std::string transactional_id;
  ProducerId producer_id;
  TransactionState state;
  int64_t start_ms;  // -1: no open transaction
};

}  // namespace server::coordinator
