#include "server/http/proxy/topic_producer.h"

#include <map>

#include "base/uuid.h"
#include "records/batch_builder.h"
#include "records/partitioner.h"
#include "server/kafka/messages/metadata_request.h"
#include "server/kafka/messages/metadata_response.h"
#include "server/kafka/messages/produce_request.h"
#include "server/kafka/messages/produce_response.h"

namespace server::http {

namespace {

constexpr int16_t kProducerMetadataVersion = 9, kProduceVersion = 9;
constexpr int32_t kTimeoutMs = 30'000;
// The size at which a batch is sent: half of the default limit of topics (max.message.bytes, 1
// MiB), which leaves a margin.
constexpr size_t kBatchBytes = 512 * 1024;

// The results, which are returned when all batches have been answered.
struct Pending {
  std::vector<ProducedRecord> produced;
  size_t left = 1;
  std::function<void(std::vector<ProducedRecord>)> done;

  void complete_one() {
    if (--left == 0) done(std::move(produced));
  }
};

// One batch of the request, and the places of the batch's records in the request.
struct Part {
  records::BatchBuilder batch;
  std::vector<size_t> places;
};

void send(kafka::LocalClient& client, const std::string& topic, int32_t partition, Part part,
          const std::shared_ptr<Pending>& pending) {
  const std::string bytes = part.batch.finish();
  kafka::ProduceRequest request;
  request.acks = -1;
  request.timeout_ms = kTimeoutMs;
  request.topic_data.resize(1);
  request.topic_data[0].name = topic;
  request.topic_data[0].partition_data.push_back({partition, kafka::Records(bytes)});
  ++pending->left;
  client.ask<kafka::ProduceRequest, kafka::ProduceResponse>(
      request, kProduceVersion,
      [pending, places = std::move(part.places)](const Result<kafka::ProduceResponse>& response) {
        kafka::ProduceResponse::Topic::Partition outcome;
        if (response)
          outcome = response->responses.at(0).partition_responses.at(0);
        else
          outcome = {.error_code = kafka_error(response.error().code),
                     .error_message = response.error().message};
        int64_t offset = outcome.base_offset;
        for (const size_t place : places) {
          ProducedRecord& produced = pending->produced[place];
          produced.error = outcome.error_code;
          produced.message = outcome.error_message.value_or("");
          if (outcome.error_code != KafkaError::None) continue;
          produced.offset = offset++;
          if (outcome.log_append_time_ms >= 0) produced.timestamp = outcome.log_append_time_ms;
        }
        pending->complete_one();
      });
}

}  // namespace

void ask_topic_shape(kafka::LocalClient& client, const std::string& topic,
                     std::function<void(TopicShape)> done) {
  kafka::MetadataRequest request;
  request.topics.emplace().push_back({.name = topic});
  client.ask<kafka::MetadataRequest, kafka::MetadataResponse>(
      request, kProducerMetadataVersion,
      [done = std::move(done)](const Result<kafka::MetadataResponse>& response) {
        if (!response) return done({kafka_error(response.error().code)});
        if (response->topics.empty()) return done({KafkaError::UnknownTopicOrPartition});
        const auto& described = response->topics.front();
        done({described.error_code, static_cast<int32_t>(described.partitions.size())});
      });
}

void produce_records(kafka::LocalClient& client, const Clock& clock, const std::string& topic,
                     int32_t partition_count, const std::vector<NewRecord>& records,
                     std::function<void(std::vector<ProducedRecord>)> done) {
  auto pending = std::make_shared<Pending>();
  pending->produced.resize(records.size());
  pending->done = std::move(done);
  const int32_t by_chance =
      static_cast<int32_t>(Uuid::random().bytes[0] % std::max(partition_count, 1));
  std::map<int32_t, Part> parts;
  for (size_t i = 0; i < records.size(); ++i) {
    const NewRecord& record = records[i];
    ProducedRecord& produced = pending->produced[i];
    produced.partition = record.partition ? *record.partition
                         : record.key
                             ? records::partition_for_key(*record.key, partition_count).value()
                             : by_chance;
    produced.timestamp = record.timestamp.value_or(clock.wall_ms());
    if (produced.partition < 0 || produced.partition >= partition_count) {
      produced.error = KafkaError::UnknownTopicOrPartition;
      continue;
    }
    std::vector<records::RecordHeader> headers;
    for (const auto& [name, value] : record.headers)
      headers.push_back({name, value ? std::optional<std::string_view>(*value) : std::nullopt});
    Part& part = parts[produced.partition];
    const size_t size = record.key.value_or("").size() + record.value.value_or("").size();
    if (!part.places.empty() && part.batch.size_bytes() + size > kBatchBytes)
      send(client, topic, produced.partition, std::exchange(part, {}), pending);
    part.batch.append(produced.timestamp, record.key, record.value, headers);
    part.places.push_back(i);
  }
  for (auto& [partition, part] : parts) send(client, topic, partition, std::move(part), pending);
  pending->complete_one();
}

}  // namespace server::http
