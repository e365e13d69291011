#include <fmt/format.h>

#include <charconv>
#include <set>

#include "records/batch.h"
#include "records/decompressor.h"
#include "server/kafka/handlers/handlers.h"
#include "server/kafka/wire_errors.h"
#include "storage/meta/topic_configs.h"

namespace server::kafka {

namespace {

using Answer = ProduceResponse::Topic::Partition;

constexpr int16_t kFirstVersionWithZstd = 7;

// More than this is checked on another thread: of the bytes that came, and of what comes out of them.
// A few kilobytes may hold 64 MB, which take a third of a second.
constexpr size_t kMostOnLoop = size_t{1} << 20;
constexpr size_t kMostUnpackedOnLoop = size_t{256} << 10;

// What is asked of the batches for one partition.
struct Rules {
  int16_t version;          // of the request
  bool needs_keys = false;  // of each record: the topic is compacted
};

// Of more records that are wrong nothing is said one by one.
constexpr size_t kMostRecordErrors = 100;
constexpr std::string_view kWithoutKey = "Compacted topic cannot accept message without key.";

// What must hold before anything of a partition is stored: first of the batch as a whole, then of its
// records.
Result<records::BatchView> check_envelope(std::string_view bytes, int16_t version,
                                          KafkaError& error) {
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
  TRY(storage::check_header_for_append(batch.header));
  return batch;
}

struct Checked {
  Status status;
  KafkaError error = KafkaError::None;  // of a status that is one
  bool is_complete = true;
  std::vector<int32_t> without_key;  // the records that need one, by their places
};

// Of records that are well formed.
Status check_keys(const records::BatchHeader& header, std::string_view records, Checked& checked) {
  auto reader = TRY(records::RecordReader::over(header, records));
  for (records::RecordView record; reader.next(record);)
    if (!record.key && checked.without_key.size() < kMostRecordErrors)
      checked.without_key.push_back(record.offset_delta);
  if (checked.without_key.empty()) return {};
  return Error{ErrorCode::CorruptRecord,
               "one or more records have been rejected: the topic is "
               "compacted, and they have no key"};
}

// False when more than `most_unpacked` bytes come out of the batch; then they are not checked.
Result<bool> check_contents(const records::BatchView& batch, size_t most_unpacked,
                            const Rules& rules, Checked& checked) {
  std::optional<records::Decompressor> unpacking;
  std::string_view records = batch.payload();
  if (batch.header.codec() != records::Codec::None) {
    unpacking.emplace(batch.header.codec(), records::kMaxRecordsSize);
    if (!TRY(unpacking->step(batch.payload(), most_unpacked))) return false;
    records = unpacking->bytes();
  }
  TRY(records::check_records(batch.header, records));
  if (rules.needs_keys) TRY(check_keys(batch.header, records, checked));
  return true;
}

Checked check(std::string_view bytes, const Rules& rules, size_t most_unpacked) {
  Checked checked;
  const auto batch = check_envelope(bytes, rules.version, checked.error);
  const Result<bool> contents =
      batch ? check_contents(*batch, most_unpacked, rules, checked) : batch.error();
  checked.is_complete = !contents || *contents;
  if (contents) return checked;
  checked.status = contents.error();
  if (contents.error().code == ErrorCode::RecordTooLarge)
    checked.error = KafkaError::MessageTooLarge;
  return checked;
}

bool is_too_large(const storage::TopicInfo& topic, size_t size) {
  const std::string_view limit = storage::topic_config(topic, "max.message.bytes");
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
  void refuse(Answer& answer, const Checked& checked) {
    for (const int32_t index : checked.without_key)
      answer.record_errors.push_back({index, std::string(kWithoutKey)});
    refuse(answer, checked.error, checked.status.error().message);
  }
};

// A batch on its way into a partition, and the place of its answer.
struct Append {
  storage::TopicPartition partition;
  std::string batch;
  bool has_append_time = false;  // the log's, not the client's
  Rules rules;
  size_t topic_index, index;
};

// Producers send again what there was no memory for.
KafkaError error_of(ErrorCode code) {
  return code == ErrorCode::OutOfMemory ? KafkaError::RequestTimedOut : kafka_error(code);
}

// What outlives the call of the handler.
struct Producer {
  Backend& backend;
  const Clock& clock;
  std::shared_ptr<PartitionAnswers> pending;

  Answer& answer(const Append& append) const {
    return pending->response.responses[append.topic_index].partition_responses[append.index];
  }

  void begin(Append append) const {
    if (append.has_append_time) {
      answer(append).log_append_time_ms = clock.wall_ms();
      records::set_log_append_time(append.batch, answer(append).log_append_time_ms);
    }
    storage::AppendRequest request;
    request.parts.push_back({append.partition, std::move(append.batch)});
    ++pending->left;
    backend.append(std::move(request), [pending = pending, topic_index = append.topic_index,
                                        index = append.index](Result<storage::Appended> appended) {
      Answer& answer = pending->response.responses[topic_index].partition_responses[index];
      if (appended && !appended->batches.empty())
        answer.base_offset = appended->batches.front().base_offset.value();
      else if (!appended)
        pending->refuse(answer, error_of(appended.error().code), appended.error().message);
      pending->complete_one();
    });
  }
};

class Producing {
 public:
  Producing(HandlerContext& context, std::shared_ptr<PartitionAnswers> pending)
      : context_(context),
        pending_(std::move(pending)),
        producer_{context.backend, context.clock, pending_},
        topics_(context.backend.topics()) {}

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
    const std::string_view bytes = asked.records ? asked.records->whole() : "";
    if (is_too_large(*topic, bytes.size()))
      return pending_->refuse(
          answer, KafkaError::MessageTooLarge,
          fmt::format("the batch has {} bytes, and max.message.bytes of topic \"{}\" is {}",
                      bytes.size(), topic->name,
                      storage::topic_config(*topic, "max.message.bytes")));
    const auto status = context_.backend.find_partition(partition);
    answer.log_start_offset = status ? status->log_start().value() : 0;
    const bool has_append_time =
        storage::topic_config(*topic, "message.timestamp.type") == "LogAppendTime";
    const Rules rules{pending_->reply.version(), storage::has_cleanup_policy(*topic, "compact")};
    check_and_append(bytes, {partition, {}, has_append_time, rules, topic_index, index});
  }

 private:
  void check_and_append(std::string_view bytes, Append append) {
    const bool may_go_aside = context_.run_aside != nullptr;
    if (may_go_aside && bytes.size() > kMostOnLoop) return check_aside(bytes, std::move(append));
    const Checked checked =
        check(bytes, append.rules, may_go_aside ? kMostUnpackedOnLoop : SIZE_MAX);
    if (!checked.is_complete) return check_aside(bytes, std::move(append));
    if (!checked.status) return pending_->refuse(producer_.answer(append), checked);
    append.batch = bytes;
    producer_.begin(std::move(append));
  }

  void check_aside(std::string_view bytes, Append append) {
    append.batch = bytes;
    struct Errand {
      Append append;
      Checked checked;
    };
    auto errand = std::make_shared<Errand>(Errand{std::move(append), {}});
    const auto work = [errand] {
      errand->checked = check(errand->append.batch, errand->append.rules, SIZE_MAX);
    };
    const auto then = [errand, producer = producer_, aside = context_.aside] {
      const Checked& checked = errand->checked;
      if (checked.status)
        producer.begin(std::move(errand->append));
      else
        producer.pending->refuse(producer.answer(errand->append), checked);
      producer.pending->complete_one();
      aside->leave();
    };
    ++context_.aside->under_way;
    ++pending_->left;
    if ((*context_.run_aside)(bytes.size(), work, then)) return;
    --context_.aside->under_way;
    --pending_->left;
    pending_->refuse(producer_.answer(errand->append), KafkaError::RequestTimedOut,
                     "too many large batches wait to be checked; try again");
  }

  HandlerContext& context_;
  std::shared_ptr<PartitionAnswers> pending_;
  const Producer producer_;
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
