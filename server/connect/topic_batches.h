// Converts the records of a source to record batches of partitions.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "server/connect/ports.h"
#include "storage/log/requests.h"
#include "storage/meta/topic_table.h"

namespace server {

// The topic for dead letters, and the names of the connector for their headers. The headers are
// those of Kafka Connect
// (https://cwiki.apache.org/confluence/display/KAFKA/KIP-298%3A+Error+Handling+in+Connect).
struct DeadLetters {
  std::string topic;  // empty: none
  bool has_headers = false;
  std::string connector, class_name;
  int32_t task = 0;
};

// Returns record batches for each partition. They contain the records, and the dead letters of the
// bad records. Records with the same order key stay in their order. Fails with UnknownTopic if a
// topic does not exist, and with RecordTooLarge if a record is larger than the topic's
// max.message.bytes.
Result<std::vector<storage::PartitionBatches>> topic_batches(const SourceBatch& batch,
                                                             const storage::TopicSnapshot& topics,
                                                             const DeadLetters& dead_letters,
                                                             int64_t now_ms);

// Returns the smallest max.message.bytes of the topics. A topic that does not exist counts with the
// default.
size_t most_record_bytes(const storage::TopicSnapshot& topics,
                         const std::vector<std::string>& names);

}  // namespace server
