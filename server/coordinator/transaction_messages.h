// What transaction coordinators are asked and answer: the contents of Kafka's requests without their
// versions.
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
// Whoever had the id before is fenced, and what he had begun aborted.
struct InitProducer {
  using Answer = InitializedProducer;
  std::string transactional_id = {};
  int32_t timeout_ms = 0;
  std::optional<ProducerIdentity> expected = {};  // of one that goes on after an error (KIP-360)
  Answer refusal(KafkaError error) const { return {.error = error}; }
};

struct TransactionAnswer {
  KafkaError error = KafkaError::None;
  PartitionsByTopic missing = {};  // of those that were asked for, with kInvalidTxnState
  int32_t coordinator_epoch = 0;   // of who answers
};
// The producer will write to these partitions.
struct AddPartitions {
  using Answer = TransactionAnswer;
  std::string transactional_id = {};
  ProducerIdentity producer = {};
  PartitionsByTopic partitions = {};
  bool verify_only = false;  // whether they are part of it
  // Of clients that say so with what they write, and get a new epoch with each end (KIP-890).
  bool is_of_second_version = false;
  Answer refusal(KafkaError error) const { return {error, {}}; }
};

struct EndedTransaction {
  KafkaError error = KafkaError::None;
  ProducerIdentity producer = {};  // that it goes on with
  bool is_told = false;            // and was asked for
};
// Answered when it is decided; who reads sees it a moment later.
struct EndTransaction {
  using Answer = EndedTransaction;
  std::string transactional_id = {};
  ProducerIdentity producer = {};
  bool is_commit = false;
  bool is_of_second_version =
      false;  // it ends with a new epoch, and may be aborted when it is empty
  // Of the second version: answered when all partitions have been told, so that who reads sees it; without that only
  // where another node is to tell them.
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
  int64_t start_ms;  // -1: none is open
};

}  // namespace server::coordinator
