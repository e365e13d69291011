#include "client/reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "client/admin/topics.h"
#include "client/flags.h"

namespace client {

namespace {

constexpr size_t kMostAtOnce = 10'000;

Result<std::vector<int64_t>> start_offsets(Connection& connection, const TopicDescription& topic,
                                           const StartPosition& position) {
  using enum StartPosition::Kind;
  const auto everywhere = [&](int64_t offset) {
    return std::vector<int64_t>(topic.partitions.size(), offset);
  };
  switch (position.kind) {
    case Earliest:
      return everywhere(RD_KAFKA_OFFSET_BEGINNING);
    case Latest:
      return everywhere(RD_KAFKA_OFFSET_END);
    case Offset:
      return everywhere(position.value);
    case FromEnd:
      return everywhere(RD_KAFKA_OFFSET_TAIL(position.value));
    case Time:
      return offsets_at_time(connection, topic, position.value);
  }
  return everywhere(RD_KAFKA_OFFSET_END);
}

std::optional<std::string_view> bytes(const void* data, size_t size) {
  if (!data) return std::nullopt;
  return std::string_view(static_cast<const char*>(data), size);
}

}  // namespace

Result<StartPosition> StartPosition::parse(std::string_view text) {
  if (text == "earliest" || text == "beginning") return StartPosition{Kind::Earliest};
  if (text == "latest" || text == "end") return StartPosition{Kind::Latest};
  const bool is_time = text.starts_with('@');
  const Result<int64_t> number = parse_number(text.substr(is_time ? 1 : 0), INT32_MIN, INT64_MAX);
  if (!number || (is_time && *number < 0))
    return Error{
        ErrorCode::InvalidParameter,
        fmt::format("\"{}\" is not a valid position in a partition", text),
        {},
        "Valid positions are earliest, latest, an offset such as 42, -10 for ten records before "
        "the end, and @ with milliseconds since 1970 for a time."};
  if (is_time) return StartPosition{Kind::Time, *number};
  if (*number < 0) return StartPosition{Kind::FromEnd, -*number};
  return StartPosition{Kind::Offset, *number};
}

Reader::Reader(Connection connection)
    : connection_(std::move(connection)), queue_(rd_kafka_queue_new(connection_.handle())) {}

Reader::~Reader() {
  forget_messages();
  for (auto& [name, assigned] : assigned_)
    for (const PartitionId partition : assigned.partitions)
      rd_kafka_consume_stop(assigned.topic.get(), partition.value());
}

Result<Reader> Reader::open(const Connection::Settings& settings, Until until) {
  // auto.offset.reset is "error", because the reader must not continue at another position if its
  // offset is out of range.
  const Properties defaults{{"enable.partition.eof", "true"},
                            {"auto.offset.reset", "error"},
                            {"allow.auto.create.topics", "true"},
                            {"fetch.wait.max.ms", until == Until::End ? "10" : "500"},
                            {"isolation.level", "read_uncommitted"}};
  return Reader(TRY(Connection::open(RD_KAFKA_CONSUMER, settings, defaults)));
}

Status Reader::start(const TopicDescription& topic, std::optional<PartitionId> only,
                     const StartPosition& position) {
  if (only && !std::ranges::count(topic.partitions, *only, &PartitionDescription::id))
    return Error{
        ErrorCode::InvalidParameter,
        fmt::format("topic \"{}\" has no partition {}", topic.name, only->value()),
        fmt::format("Its partitions are numbered from 0 to {}.", topic.partitions.size() - 1)};
  const std::vector<int64_t> offsets = TRY(start_offsets(connection_, topic, position));
  Assigned& assigned = assigned_[topic.name];
  assigned.topic.reset(rd_kafka_topic_new(connection_.handle(), topic.name.c_str(), nullptr));
  // Asks for the leaders with this connection, so that librdkafka knows them before it fetches. Without this,
  // librdkafka would look them up later, and a partition whose leader is unknown at the start waits for half a
  // second.
  TRY(connection_.topic(topic.name, Connection::IfMissing::MayCreate));
  for (size_t i = 0; i < topic.partitions.size(); ++i) {
    const PartitionId partition = topic.partitions[i].id;
    if (only && partition != *only) continue;
    if (rd_kafka_consume_start_queue(assigned.topic.get(), partition.value(), offsets[i],
                                     queue_.get()) != 0)
      return kafka_failure(rd_kafka_last_error());
    assigned.partitions.push_back(partition);
    assigned.has_ended[partition] = false;
    ++ends_missing_;
  }
  return {};
}

void Reader::forget_messages() {
  for (rd_kafka_message_t* message : messages_) rd_kafka_message_destroy(message);
  messages_.clear();
}

Result<std::span<rd_kafka_message_t* const>> Reader::read(int wait_ms, size_t most) {
  forget_messages();
  rd_kafka_poll(connection_.handle(), 0);  // delivers the errors of connections
  connection_.warn_if_lost();
  // rd_kafka_consume_batch_queue() waits until the batch is full. So the first message is read separately, and the
  // batch function is called with a wait of 0, to get the messages that have already arrived.
  rd_kafka_message_t* first = rd_kafka_consume_queue(queue_.get(), wait_ms);
  if (!first) return std::span<rd_kafka_message_t* const>();
  messages_.resize(std::clamp<size_t>(most, 1, kMostAtOnce));
  messages_[0] = first;
  const ssize_t more =
      rd_kafka_consume_batch_queue(queue_.get(), 0, messages_.data() + 1, messages_.size() - 1);
  messages_.resize(more > 0 ? static_cast<size_t>(more) + 1 : 1);
  // librdkafka also delivers errors and the ends of partitions as messages.
  for (rd_kafka_message_t*& message : messages_) {
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    const Status noted = note_special(*message);
    rd_kafka_message_destroy(std::exchange(message, nullptr));
    if (!noted) {
      std::erase(messages_, nullptr);
      return noted.error();
    }
  }
  std::erase(messages_, nullptr);
  return std::span<rd_kafka_message_t* const>(messages_);
}

Status Reader::note_special(const rd_kafka_message_t& message) {
  const std::string topic = message.rkt ? rd_kafka_topic_name(message.rkt) : "";
  if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    bool& has_ended = assigned_[topic].has_ended[PartitionId{message.partition}];
    if (!has_ended) --ends_missing_;
    has_ended = true;
    return {};
  }
  if (message.err == RD_KAFKA_RESP_ERR__TRANSPORT || message.err == RD_KAFKA_RESP_ERR__RESOLVE ||
      message.err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
      message.err == RD_KAFKA_RESP_ERR__TIMED_OUT)
    return {};  // not an error: reading resumes when the server is available again
  if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
    const OffsetRange range = TRY(offset_range(connection_, topic, PartitionId{message.partition}));
    return Error{ErrorCode::OffsetOutOfRange,
                 fmt::format("{}[{}] has no record at that offset", topic, message.partition),
                 fmt::format("It starts at offset {}, and its next record will have offset {}.",
                             range.first_offset.value(), range.end_offset.value())};
  }
  Error error = kafka_failure(message.err, rd_kafka_message_errstr(&message));
  error.message = fmt::format("cannot read {}[{}]: {}", topic, message.partition, error.message);
  return error;
}

ReceivedRecord to_record(const rd_kafka_message_t& message) {
  ReceivedRecord record;
  record.topic = rd_kafka_topic_name(message.rkt);
  record.partition = PartitionId{message.partition};
  record.offset = Offset{message.offset};
  rd_kafka_timestamp_type_t kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  record.timestamp_ms = rd_kafka_message_timestamp(&message, &kind);
  using enum ReceivedRecord::TimestampKind;
  record.timestamp_kind = kind == RD_KAFKA_TIMESTAMP_CREATE_TIME       ? CreateTime
                          : kind == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME ? LogAppendTime
                                                                       : None;
  record.key = bytes(message.key, message.key_len);
  record.value = bytes(message.payload, message.len);
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* name = nullptr;
    const void* value = nullptr;
    size_t size = 0;
    for (size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         ++i)
      record.headers.push_back({name, bytes(value, size)});
  }
  return record;
}

}  // namespace client
