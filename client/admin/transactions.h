// Lists, describes and aborts transactions, with requests to their coordinators and to the leaders
// of their partitions (KIP-664).
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/admin/node_connections.h"

namespace client {

struct ListedTransaction {
  std::string id;
  int32_t coordinator = -1;
  int64_t producer_id = -1;
  std::string state;
};

struct DescribedTransaction {
  std::string id;
  int32_t coordinator = -1;
  std::string state;
  int32_t timeout_ms = 0;
  std::optional<int64_t> start_ms;  // none: no open transaction
  int64_t producer_id = -1;
  int16_t producer_epoch = -1;
  std::vector<TopicPartitionKey> partitions;
};

struct DescribedProducer {
  int64_t producer_id = -1;
  int32_t producer_epoch = -1, last_sequence = -1, coordinator_epoch = -1;
  int64_t last_timestamp_ms = -1;
  std::optional<int64_t> open_from;  // first offset of the open transaction
};

struct TransactionFilter {
  std::vector<int64_t> producer_ids;  // empty: all
  // List only transactions that were open for at least this time; -1: all.
  int64_t open_for_ms = -1;
};

// Sends requests to the nodes of a cluster, one after the other.
//
// Threads: one.
class TransactionAdmin {
 public:
  // Connects to a bootstrap server. Fails with NetworkFailure.
  static Result<TransactionAdmin> open(const std::string& bootstrap_server,
                                       const Properties& properties);

  Result<std::vector<ListedTransaction>> list(const TransactionFilter& filter);
  // Describes the transaction. Fails if no transaction has this id.
  Result<DescribedTransaction> describe(const std::string& id);
  // Returns the producers that the leader of the partition knows, or those that `node` knows if it
  // is given.
  Result<std::vector<DescribedProducer>> producers(const TopicPartitionKey& partition,
                                                   std::optional<int32_t> node = {});
  // Aborts the open transaction of the producer in the partition.
  Status abort(const TopicPartitionKey& partition, int64_t producer_id, int16_t producer_epoch,
               int32_t coordinator_epoch);

  // Return the partitions of a topic, or those with a replica on a node. Fail if the topic or the
  // node does not exist.
  Result<std::vector<TopicPartitionKey>> partitions_of_topic(const std::string& topic) const;
  Result<std::vector<TopicPartitionKey>> partitions_of_node(int32_t node) const;

 private:
  explicit TransactionAdmin(NodeConnections nodes) : nodes_(std::move(nodes)) {}
  Result<int32_t> coordinator_of(const std::string& id);

  NodeConnections nodes_;
};

}  // namespace client
