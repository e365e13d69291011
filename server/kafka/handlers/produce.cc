#include <fmt/format.h>

#include <charconv>
#include <set>

#include "records/batch.h"
#include "server/kafka/handlers/handlers.h"
#include "server/kafka/topic_configs.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

namespace {

using Answer = ProduceResponse::Topic::Partition;

constexpr int16_t kFirstVersionWithZstd = 7;

// What must hold before anything of a partition is stored.
Status check_records_field(std::string_view bytes, int16_t version, KafkaError& error) {
  error = KafkaError::CorruptMessage;
  const records::BatchView batch =
      TRY(records::parse_batch(bytes, records::BatchCheck::ShapeAndCrc));
  error = KafkaError::InvalidRecord;
  if (batch.header.size_bytes != bytes.size())
    return Error{ErrorCode::CorruptRecord, "a partition takes one record batch in a request"};
  if (batch.header.is_transactional())
    return Error{ErrorCode::NotSupported, "transactions are not supported yet"};
  if (batch.header.codec() == records::Codec::Zstd && version < kFirstVersionWithZstd) {
    error = kUnsupportedCompression;
    return Error{ErrorCode::CorruptRecord, "zstd needs version 7 of this request"};
  }
  if (batch.header.has_log_append_time()) {
    error = KafkaError::InvalidTimestamp;
    return Error{ErrorCode::InvalidTimestamp, "the append time is not a client's to set"};
  }
  return storage::check_for_append(batch);
}

bool is_too_large(const storage::TopicInfo& topic, size_t size) {
  const std::string_view limit = topic_config(topic, "max.message.bytes");
  size_t most = 0;
  std::from_chars(limit.data(), limit.data() + limit.size(), most);
  return size > most;
}

// An answer that waits for its partitions; each is stored or refused by itself. Shared by the
// callbacks.
struct PartitionAnswers {
  ProduceResponse response;
  Reply<ProduceResponse> reply;
  int16_t acks;
  size_t left = 1;
  bool has_failed = false;

  void complete_one() {
    if (--left > 0) return;
    if (acks != 0) return reply.send(response);
    // Nothing is sent for acks 0; a failure is told by the end of the connection.
    has_failed ? reply.end_connection() : reply.send_nothing();
  }
  void refuse(Answer& answer, KafkaError error, std::string message) {
    answer.error_code = error;
    answer.error_message = std::move(message);
    has_failed = true;
  }
};

class Producing {
 public:
  Producing(HandlerContext& context, std::shared_ptr<PartitionAnswers> pending)
      : context_(context), pending_(std::move(pending)), topics_(context.backend.topics()) {}

  void add(std::string_view topic_name, const ProduceRequest::Topic::Partition& asked,
           size_t topic_index, size_t index) {
    Answer& answer = pending_->response.responses[topic_index].partition_responses[index];
    answer.index = asked.index;
    const storage::TopicInfo* topic = topics_->find(topic_name);
    if (!topic || asked.index < 0 || asked.index >= topic->partition_count)
      return pending_->refuse(answer, KafkaError::UnknownTopicOrPartition,
                              "there is no such partition");
    const storage::TopicPartition partition{topic->id, PartitionId(asked.index)};
    if (!seen_.insert(partition).second)
      return pending_->refuse(answer, KafkaError::InvalidRequest,
                              "the request names the partition twice");
    KafkaError error = KafkaError::None;
    const std::string_view bytes = asked.records ? asked.records->whole() : "";
    if (const Status checked = check_records_field(bytes, pending_->reply.version(), error);
        !checked) {
      if (checked.error().code == ErrorCode::RecordTooLarge) error = KafkaError::MessageTooLarge;
      return pending_->refuse(answer, error, checked.error().message);
    }
    if (is_too_large(*topic, bytes.size()))
      return pending_->refuse(
          answer, KafkaError::MessageTooLarge,
          fmt::format("the batch has {} bytes, and max.message.bytes of topic \"{}\" is {}",
                      bytes.size(), topic->name, topic_config(*topic, "max.message.bytes")));
    const auto status = context_.backend.find_partition(partition);
    answer.log_start_offset = status ? status->log_start().value() : 0;
    std::string batch(bytes);
    if (topic_config(*topic, "message.timestamp.type") == "LogAppendTime") {
      answer.log_append_time_ms = context_.clock.wall_ms();
      records::set_log_append_time(batch, answer.log_append_time_ms);
    }
    append(partition, std::move(batch), topic_index, index);
  }

 private:
  void append(const storage::TopicPartition& partition, std::string batch, size_t topic_index,
              size_t index) {
    storage::AppendRequest request;
    request.parts.push_back({partition, std::move(batch)});
    ++pending_->left;
    context_.backend.append(
        std::move(request), [pending = pending_, topic_index,
                             index](Result<std::vector<storage::AppendedBatch>> appended) {
          Answer& answer = pending->response.responses[topic_index].partition_responses[index];
          if (appended && !appended->empty())
            answer.base_offset = appended->front().base_offset.value();
          else if (!appended)
            pending->refuse(answer, kafka_error(appended.error().code), appended.error().message);
          pending->complete_one();
        });
  }

  HandlerContext& context_;
  std::shared_ptr<PartitionAnswers> pending_;
  std::shared_ptr<const storage::TopicSnapshot> topics_;
  std::set<storage::TopicPartition> seen_;
};

}  // namespace

// Partitions are appended one by one, so that one that is refused does not hold up the others; the
// log's writer puts them into one commit.
void handle_produce(HandlerContext& context, ProduceRequest request, Reply<ProduceResponse> reply) {
  auto pending = std::make_shared<PartitionAnswers>(PartitionAnswers{{}, reply, request.acks});
  const bool is_refused =
      request.acks < -1 || request.acks > 1 || request.transactional_id.has_value();
  Producing producing(context, pending);
  pending->response.responses.resize(request.topic_data.size());
  for (size_t i = 0; i < request.topic_data.size(); ++i) {
    ProduceRequest::Topic& topic = request.topic_data[i];
    ProduceResponse::Topic& answers = pending->response.responses[i];
    answers.name = topic.name;
    answers.partition_responses.resize(topic.partition_data.size());
    for (size_t j = 0; j < topic.partition_data.size(); ++j) {
      if (!is_refused) {
        producing.add(topic.name, topic.partition_data[j], i, j);
        continue;
      }
      answers.partition_responses[j].index = topic.partition_data[j].index;
      pending->refuse(
          answers.partition_responses[j],
          request.transactional_id ? kTransactionalIdNotAuthorized : kInvalidRequiredAcks,
          request.transactional_id ? "transactions are not supported yet" : "acks is 0, 1 or -1");
    }
  }
  pending->complete_one();
}

}  // namespace server::kafka
