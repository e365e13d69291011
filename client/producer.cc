#include "client/producer.h"

#include <fmt/format.h>

#include "client/flags.h"

namespace client {

namespace {

constexpr int kQueueFullWaitMs = 100;

// librdkafka accepts any number for acks, and the server would then refuse each record. So the
// value is checked before.
Status check_acks(const Properties& properties) {
  for (const char* name : {"acks", "request.required.acks"}) {
    const std::string value = value_of(properties, name);
    if (value.empty() || value == "0" || value == "1" || value == "all" || value == "-1") continue;
    return wrong_usage(fmt::format("{}={} is not 0, 1 or all", name, value),
                       "0 does not wait for the server, 1 waits for the leader, all waits for all "
                       "replicas that are in sync.");
  }
  return {};
}

// Returns the error for a record that was refused, with a hint about the remedy. librdkafka knows
// neither the server's reason nor the limit that was exceeded.
Error delivery_failure(rd_kafka_resp_err_t code, bool has_key) {
  Error failure = kafka_failure(code);
  if (code == RD_KAFKA_RESP_ERR_INVALID_RECORD && !has_key) {
    failure.detail =
        "The record has no key. A topic with cleanup.policy=compact takes records with "
        "a key only.";
    failure.hint =
        "Send keys with --property parse.key=true --property key.separator=: and lines "
        "such as alice:{\"page\":\"home\"}.";
  } else if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
    failure.detail = "The topic refuses a batch of this size.";
    failure.hint = "Raise the limit of the topic: millrace config topic NAME max.message.bytes=N.";
  }
  return failure;
}

// Returns the error for a record that exceeds the size limit of the producer's own settings.
Error too_large_for_producer(const Properties& properties, size_t bytes) {
  std::string limit = value_of(properties, "max.request.size");
  if (limit.empty()) limit = value_of(properties, "message.max.bytes");
  if (limit.empty()) limit = "1000000";  // librdkafka's default
  Error failure = kafka_failure(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
  failure.message =
      fmt::format("a record of {} bytes is larger than max.request.size of the producer, {} bytes",
                  bytes, limit);
  failure.hint =
      "Raise it with --producer-property max.request.size=N. The limit of the topic is "
      "max.message.bytes.";
  return failure;
}

}  // namespace

Producer::Producer(Connection connection)
    : connection_(std::move(connection)), queue_(rd_kafka_queue_get_main(connection_.handle())) {}

Result<Producer> Producer::open(const Connection::Settings& settings) {
  TRY(check_acks(settings.properties));
  Properties defaults{{"partitioner", "murmur2_random"},
                      {"message.timeout.ms", "60000"},
                      // How long the server may take to create a topic after the first record for
                      // it.
                      {"topic.metadata.propagation.max.ms", "10000"}};
  // Idempotence is on by default, as in Java's producer, but off if the user has set an `acks` that
  // excludes it.
  const auto acks = settings.properties.find("acks");
  if (acks == settings.properties.end() || acks->second == "all" || acks->second == "-1")
    defaults["enable.idempotence"] = "true";
  Producer producer(
      TRY(Connection::open(RD_KAFKA_PRODUCER, settings, defaults, RD_KAFKA_EVENT_DR)));
  producer.properties_ = settings.properties;
  return producer;
}

Status Producer::send(const std::string& topic, std::optional<PartitionId> partition,
                      const OutgoingRecord& record) {
  rd_kafka_headers_t* headers = nullptr;
  if (!record.headers.empty()) {
    headers = rd_kafka_headers_new(record.headers.size());
    for (const OutgoingHeader& header : record.headers)
      rd_kafka_header_add(headers, header.name.data(), static_cast<ssize_t>(header.name.size()),
                          header.value ? header.value->data() : nullptr,
                          header.value ? static_cast<ssize_t>(header.value->size()) : 0);
  }
  const auto data = [](const std::optional<std::string>& bytes) {
    return bytes ? const_cast<char*>(bytes->data())
                 : nullptr;  // librdkafka copies it, but its type is void*
  };
  const auto size = [](const std::optional<std::string>& bytes) {
    return bytes ? bytes->size() : 0;
  };
  const int32_t partition_number = partition ? partition->value() : RD_KAFKA_PARTITION_UA;
  for (;;) {
    const rd_kafka_resp_err_t code = rd_kafka_producev(
        connection_.handle(), RD_KAFKA_V_TOPIC(topic.c_str()),
        RD_KAFKA_V_PARTITION(partition_number), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(data(record.key), size(record.key)),
        RD_KAFKA_V_VALUE(data(record.value), size(record.value)), RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_END);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) break;
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      if (headers) rd_kafka_headers_destroy(headers);
      if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
        return too_large_for_producer(properties_, size(record.key) + size(record.value));
      return kafka_failure(code);
    }
    look(kQueueFullWaitMs);
  }
  ++sent_;
  look(0);
  return {};
}

void Producer::look(int wait_ms) {
  for (Event event; event.reset(rd_kafka_queue_poll(queue_.get(), wait_ms)), event; wait_ms = 0) {
    if (rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_ERROR) {
      connection_.note(rd_kafka_event_error(event.get()), rd_kafka_event_error_string(event.get()));
      continue;
    }
    while (const rd_kafka_message_t* message = rd_kafka_event_message_next(event.get())) {
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        ++delivered_;
        continue;
      }
      ++failed_;
      if (first_failure_) continue;
      first_failure_ = message->err == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT
                           ? connection_.unreachable()
                           : delivery_failure(message->err, message->key != nullptr);
    }
  }
  connection_.warn_if_lost();
}

Status Producer::finish(bool (*should_stop)()) {
  look(0);
  // The records without an outcome are counted here. rd_kafka_outq_len() cannot be used: it also counts events about
  // lost connections, so the loop below would wait although all records have an outcome.
  const auto left = [&] { return sent_ - delivered_ - failed_; };
  while (left() > 0 && !should_stop()) look(kQueueFullWaitMs);
  if (left() > 0)
    return Error{ErrorCode::QueryCanceled,
                 fmt::format("{} record{} abandoned", left(), left() == 1 ? " was" : "s were"),
                 "The server has not acknowledged them, but may have stored some of them."};
  if (!first_failure_) return {};
  Error failure = *first_failure_;
  failure.message = fmt::format("{} record{} not delivered: {}", failed_,
                                failed_ == 1 ? " was" : "s were", failure.message);
  return failure;
}

}  // namespace client
