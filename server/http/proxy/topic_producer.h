// Sends records of HTTP clients to a topic.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "server/kafka/local_client.h"

namespace server::http {

struct NewRecord {
  std::optional<std::string> key, value;
  std::optional<int32_t> partition;
  std::optional<int64_t> timestamp;  // nothing: the time of the request
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
};

struct ProducedRecord {
  int32_t partition = 0;
  int64_t offset = -1, timestamp = -1;
  KafkaError error = KafkaError::None;
  std::string message;
};

// The number of a topic's partitions, or an error if the topic does not exist. If the server
// creates topics on request, ask_topic_shape() creates the missing topic.
struct TopicShape {
  KafkaError error = KafkaError::None;
  int32_t partition_count = 0;
};
void ask_topic_shape(kafka::LocalClient& client, const std::string& topic,
                     std::function<void(TopicShape)> done);

// Sends each record to the partition that it names, otherwise to the partition of its key, as
// Kafka's clients choose it. Records without a partition and a key are all sent to one partition,
// which is chosen at random. `done` gets all results together, in the records' order. It is not
// called after the client is destroyed.
void produce_records(kafka::LocalClient& client, const Clock& clock, const std::string& topic,
                     int32_t partition_count, const std::vector<NewRecord>& records,
                     std::function<void(std::vector<ProducedRecord>)> done);

}  // namespace server::http
