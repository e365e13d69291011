#include "server/connect/topic_batches.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "base/errors.h"
#include "records/batch_builder.h"
#include "records/partitioner.h"
#include "storage/meta/topic_configs.h"

namespace server {

namespace {

// Size of a record batch. A reader decompresses and checks a batch as a whole, so the records of a
// partition are divided into several batches.
constexpr size_t kBatchBytes = 256 << 10;
constexpr size_t kRecordOverhead = 128;  // header of the batch, and numbers of the record

// Collects records into batches for all partitions.
class Batches {
 public:
  Batches(const storage::TopicSnapshot& topics, int64_t now_ms)
      : topics_(topics), now_ms_(now_ms) {}

  Status add(const std::string& topic, std::string_view order_key,
             const std::optional<std::string>& key, const std::optional<std::string>& value,
             std::span<const records::RecordHeader> headers = {},
             std::optional<int64_t> timestamp_ms = std::nullopt) {
    const auto [info, most] = TRY(find(topic));
    size_t size = (key ? key->size() : 0) + (value ? value->size() : 0) + kRecordOverhead;
    for (const records::RecordHeader& header : headers)
      size += header.key.size() + (header.value ? header.value->size() : 0);
    if (size > most)
      return Error{ErrorCode::RecordTooLarge,
                   fmt::format("a record for topic \"{}\" has {} bytes, and its max.message.bytes "
                               "is {}",
                               topic, size, most)};
    const PartitionId partition =
        records::partition_for_key(key ? std::string_view(*key) : order_key, info->partition_count);
    Part& part = parts_[{info->id, partition}];
    if (!part.builder.empty() && part.builder.size_bytes() + size > std::min(kBatchBytes, most))
      part.finished += part.builder.finish();
    part.builder.append(timestamp_ms.value_or(now_ms_), key, value, headers);
    return {};
  }

  std::vector<storage::PartitionBatches> take() {
    std::vector<storage::PartitionBatches> all;
    for (auto& [partition, part] : parts_) {
      if (!part.builder.empty()) part.finished += part.builder.finish();
      all.push_back({partition, std::move(part.finished)});
    }
    return all;
  }

 private:
  struct Part {
    records::BatchBuilder builder;
    std::string finished;
  };
  struct Topic {
    const storage::TopicInfo* info;
    size_t most_bytes;  // max.message.bytes of the topic
  };
  Result<Topic> find(const std::string& name) {
    if (const auto known = known_.find(name); known != known_.end()) return known->second;
    const storage::TopicInfo* info = topics_.find(name);
    if (info == nullptr)
      return Error{ErrorCode::UndefinedObject,
                   fmt::format("topic \"{}\" does not exist", name),
                   {},
                   "Create the topic, and then restart the connector."};
    const auto most = static_cast<size_t>(storage::topic_config_number(*info, "max.message.bytes"));
    return known_.emplace(name, Topic{info, most}).first->second;
  }

  const storage::TopicSnapshot& topics_;
  const int64_t now_ms_;
  std::map<std::string, Topic> known_;
  std::map<storage::TopicPartition, Part> parts_;
};

}  // namespace

Result<std::vector<storage::PartitionBatches>> topic_batches(const SourceBatch& batch,
                                                             const storage::TopicSnapshot& topics,
                                                             const DeadLetters& dead_letters,
                                                             int64_t now_ms) {
  Batches batches(topics, now_ms);
  for (const SourceRecord& record : batch.records) {
    std::vector<records::RecordHeader> headers;
    for (const engine::ConnectHeader& header : record.headers)
      headers.push_back({header.key, header.value});
    TRY(batches.add(record.topic, record.order_key, record.key, record.value, headers,
                    record.timestamp_ms));
  }
  if (dead_letters.topic.empty()) return batches.take();
  const std::string task = std::to_string(dead_letters.task);
  for (const BadRecord& bad : batch.bad) {
    std::vector<records::RecordHeader> headers;
    if (dead_letters.has_headers)
      headers = {{"__connect.errors.connector.name", dead_letters.connector},
                 {"__connect.errors.task.id", task},
                 {"__connect.errors.stage", bad.stage},
                 {"__connect.errors.class.name", dead_letters.class_name},
                 {"__connect.errors.exception.class.name",
                  "org.apache.kafka.connect.errors.DataException"},
                 {"__connect.errors.exception.message", bad.error.message}};
    TRY(batches.add(dead_letters.topic, dead_letters.connector, std::nullopt, bad.bytes, headers));
  }
  return batches.take();
}

size_t most_record_bytes(const storage::TopicSnapshot& topics,
                         const std::vector<std::string>& names) {
  constexpr std::string_view kMostBytes = "max.message.bytes";
  std::optional<int64_t> most;
  for (const std::string& name : names) {
    const storage::TopicInfo* const topic = topics.find(name);
    const int64_t bytes =
        storage::topic_config_number(topic == nullptr ? storage::TopicInfo{} : *topic, kMostBytes);
    most = std::min(most.value_or(bytes), bytes);
  }
  return static_cast<size_t>(most.value_or(0));
}

}  // namespace server
