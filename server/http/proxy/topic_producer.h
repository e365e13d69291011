// Records of HTTP clients on their way to a topic.
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
  std::optional<int64_t> timestamp;  // none: now
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
};

struct ProducedRecord {
  int32_t partition = 0;
  int64_t offset = -1, timestamp = -1;
  KafkaError error = KafkaError::None;
  std::string message;
};

// What it takes to send: how many partitions there are. Told with an error where the topic is not there, which
// is made where the server makes topics for whoever asks for them.
struct TopicShape {
  KafkaError error = KafkaError::None;
  int32_t partition_count = 0;
};
void ask_topic_shape(kafka::LocalClient& client, const std::string& topic,
                     std::function<void(TopicShape)> done);

// Records go to the partition that they name, else to that of their key, as Kafka's clients have it, else all to one
// that is chosen by chance. `done` is told of all at once, in their order, and not once the client is gone.
void produce_records(kafka::LocalClient& client, const Clock& clock, const std::string& topic,
                     int32_t partition_count, const std::vector<NewRecord>& records,
                     std::function<void(std::vector<ProducedRecord>)> done);

}  // namespace server::http
