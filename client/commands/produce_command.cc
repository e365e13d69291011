// millrace produce and kafka-console-producer: send each line of text as a record.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include "client/command_line.h"
#include "client/commands.h"
#include "client/line_source.h"
#include "client/producer.h"
#include "client/progress.h"

namespace client {

namespace {

constexpr int kInputWaitMs = 100;

// The flags of `millrace produce` and of kafka-console-producer, which does not have the first flag.
constexpr Flag kFlags[] = {
    {.name = "partition",
     .argument = "N",
     .doc = "Send all records to this partition, regardless of their keys"},
    {.name = "topic", .argument = "TOPIC", .doc = "The topic, also as an argument"},
    kBootstrapFlag,
    // the name of "bootstrap-server" in older versions
    {.name = "broker-list", .argument = "HOST:PORT"},
    {.name = "property",
     .argument = "KEY=VALUE",
     .doc = "How to read lines: parse.key, key.separator, parse.headers, headers.delimiter, "
            "headers.separator, headers.key.separator, null.marker, ignore.error"},
    {.name = "reader-config", .argument = "FILE", .doc = "The same properties from a file"},
    {.name = "compression-codec",
     .argument = "CODEC",
     .doc = "none, gzip, snappy, lz4 or zstd; gzip if no value is given",
     .value_if_bare = "gzip"},
    {.name = "sync", .doc = "Wait for each record before the next one is read"},
    {.name = "request-required-acks", .argument = "ACKS", .doc = "0, 1 or all [all]"},
    {.name = "producer-property",
     .argument = "KEY=VALUE",
     .doc = "A setting of the producer, as Kafka's clients name them; may be repeated"},
    {.name = "producer.config", .argument = "FILE", .doc = "The same properties from a file"},
    {.name = "batch-size", .argument = "BYTES", .doc = "The same as batch.size"},
    {.name = "max-partition-memory-bytes", .argument = "BYTES"},
    {.name = "max-memory-bytes", .argument = "BYTES", .doc = "The same as buffer.memory"},
    {.name = "timeout", .argument = "MS", .doc = "The same as linger.ms"},
    {.name = "request-timeout-ms", .argument = "MS", .doc = "The same as request.timeout.ms"},
    {.name = "message-send-max-retries", .argument = "N", .doc = "The same as retries"},
    {.name = "retry-backoff-ms", .argument = "MS", .doc = "The same as retry.backoff.ms"},
    {.name = "metadata-expiry-ms", .argument = "MS", .doc = "The same as metadata.max.age.ms"},
    {.name = "socket-buffer-size", .argument = "BYTES", .doc = "The same as send.buffer.bytes"},
    {.name = "max-block-ms", .argument = "MS"},
    {.name = "line-reader", .argument = "CLASS"},
    {.name = "version"},
    kHelpFlag};

// A flag that only sets a property of the producer.
struct PropertyRow {
  std::string_view flag;
  const char* property;
};
constexpr PropertyRow kPropertyFlags[] = {
    {"batch-size", "batch.size"},
    {"max-partition-memory-bytes", "batch.size"},
    {"max-memory-bytes", "buffer.memory"},
    {"timeout", "linger.ms"},
    {"request-timeout-ms", "request.timeout.ms"},
    {"message-send-max-retries", "retries"},
    {"retry-backoff-ms", "retry.backoff.ms"},
    {"metadata-expiry-ms", "metadata.max.age.ms"},
    {"socket-buffer-size", "send.buffer.bytes"},
    {"max-block-ms", "max.block.ms"},
    {"request-required-acks", "acks"},
    {"compression-codec", "compression.codec"},
};

struct ProduceRequest {
  Connection::Settings settings;
  std::string topic;
  std::optional<PartitionId> partition;
  LineFormat format;
  bool is_sync = false;
};

Result<ProduceRequest> to_request(const Flags& flags) {
  ProduceRequest request;
  request.settings.bootstrap_server =
      flags.text(kBootstrapFlag.name, flags.text("broker-list", "localhost:9092"));
  request.topic = flags.text("topic", flags.words().empty() ? "" : flags.words().front());
  if (request.topic.empty())
    return Error{ErrorCode::InvalidParameter,
                 "a topic is missing: --topic",
                 {},
                 "It follows the command: millrace produce orders < orders.jsonl."};
  if (flags.has("partition"))
    request.partition =
        PartitionId{static_cast<int32_t>(TRY(flags.number("partition", 0, 0, INT32_MAX)))};
  if (flags.has("line-reader") && !flags.text("line-reader").ends_with("LineMessageReader"))
    return Error{ErrorCode::NotSupported,
                 fmt::format("the line reader {} is not supported", flags.text("line-reader"))};

  Properties& properties = request.settings.properties;
  if (flags.has("producer.config"))
    properties = TRY(read_properties_file(flags.text("producer.config")));
  for (const PropertyRow& row : kPropertyFlags)
    if (flags.has(row.flag)) properties[row.property] = flags.text(row.flag);
  for (const auto& [name, value] :
       TRY(parse_properties(flags.all("producer-property"), "producer-property")))
    properties[name] = value;

  Properties reading;
  if (flags.has("reader-config")) reading = TRY(read_properties_file(flags.text("reader-config")));
  for (const auto& [name, value] : TRY(parse_properties(flags.all("property"), "property")))
    reading[name] = value;
  request.format = TRY(LineFormat::from(reading));
  request.is_sync = flags.has("sync");
  return request;
}

void prompt() {
  fmt::print(">");
  std::fflush(stdout);
}

// Returns whether three seconds have passed since Ctrl-C. Ctrl-C is the usual way to end the
// program at a terminal, and the user has typed the last record before it. Three seconds are enough
// for a working server to acknowledge the record.
bool has_waited_after_ctrl_c() {
  constexpr std::chrono::seconds kLongest{3};
  if (!is_interrupted()) return false;
  static const auto since = std::chrono::steady_clock::now();
  return std::chrono::steady_clock::now() - since > kLongest;
}

// Sends the lines of stdin as records, until the end of stdin or until Ctrl-C.
Status produce_lines(const ProduceRequest& request, Producer& producer) {
  const bool is_typed = isatty(STDIN_FILENO) != 0;
  Progress progress(is_typed ? Progress::Wanted::No : Progress::Wanted::Yes);
  LineSource source(STDIN_FILENO);
  std::string_view line;
  int64_t line_number = 0, bytes = 0;
  if (is_typed) prompt();
  while (!is_interrupted()) {
    const LineSource::Next next = TRY(source.next(line, kInputWaitMs));
    if (next == LineSource::Next::End) break;
    if (next == LineSource::Next::NothingYet) {
      producer.look(0);
      continue;
    }
    const OutgoingRecord record = TRY(parse_line(request.format, line, ++line_number));
    if (const Status sent = producer.send(request.topic, request.partition, record); !sent)
      return about(fmt::format("line {}", line_number), sent.error());
    if (request.is_sync) TRY(producer.finish(has_waited_after_ctrl_c));
    bytes += static_cast<int64_t>(line.size());
    progress.show(line_number, bytes);
    if (is_typed) prompt();
  }
  return {};
}

// Returns the topic; nothing if it does not exist. Does not create it. Fails quickly if no server
// answers.
Result<std::optional<TopicDescription>> find_topic(Producer& producer, const std::string& name) {
  std::vector<TopicDescription> topics = TRY(producer.connection().topics());
  const auto found = std::ranges::find(topics, name, &TopicDescription::name);
  return found == topics.end() ? std::nullopt : std::optional(std::move(*found));
}

// Reports on stderr that the server has created the topic for the first record. Without the report a
// mistyped name would not be noticed.
void report_created(Producer& producer, const std::string& name) {
  const auto topic = find_topic(producer, name);
  if (!topic || !*topic) return;
  const size_t partitions = (*topic)->partitions.size();
  fmt::print(stderr, "Topic {} did not exist. The server created it with {} partition{}.\n", name,
             partitions, partitions == 1 ? "" : "s");
}

Result<int64_t> produce(const ProduceRequest& request) {
  Producer producer = TRY(Producer::open(request.settings));
  const bool exists = TRY(find_topic(producer, request.topic)).has_value();
  watch_for_interrupts();
  const Status read = produce_lines(request, producer);
  // If a line is malformed, the records of the lines before it are still sent.
  const Status sent = producer.finish(has_waited_after_ctrl_c);
  if (!exists) report_created(producer, request.topic);
  if (!read) return read.error();
  if (!sent) return sent.error();
  return producer.delivered();
}

constexpr Help kHelp{
    "millrace produce TOPIC [OPTIONS]", "Sends each line of the standard input as a record.",
    "  millrace produce orders < orders.jsonl\n"
    "  echo 'alice:{\"page\":\"home\"}' |\n"
    "    millrace produce clicks --property parse.key=true --property key.separator=:\n"};
constexpr Help kKafkaHelp{
    "kafka-console-producer --bootstrap-server HOST:PORT --topic TOPIC [OPTIONS]",
    "This tool helps to read data from standard input and publish it to Kafka.", ""};

}  // namespace

int run_produce_command(int argc, const char* const* argv) {
  const Result<Flags> flags =
      Flags::parse(kFlags, std::span(argv, static_cast<size_t>(argc)).subspan(1), 1);
  if (!flags) {
    Error error = flags.error();
    if (error.message.starts_with("unexpected argument"))
      error.hint = "Records come from the standard input: millrace produce orders < orders.jsonl.";
    return report(error, kUsageError);
  }
  if (flags->has(kHelpFlag.name)) {
    print_help(kHelp, kFlags);
    return 0;
  }
  const Result<ProduceRequest> request = to_request(*flags);
  if (!request) return report(request.error(), kUsageError);
  const Result<int64_t> produced = produce(*request);
  if (!produced) return report(produced.error());
  fmt::print(stderr, "Produced {} record{} to topic {}.\n", grouped(*produced),
             *produced == 1 ? "" : "s", request->topic);
  return is_interrupted() ? kInterrupted : 0;
}

int run_kafka_console_producer(int argc, const char* const* argv) {
  const std::span<const Flag> own_flags = std::span(kFlags).subspan(1);
  const Result<Flags> flags =
      Flags::parse(own_flags, std::span(argv, static_cast<size_t>(argc)).subspan(1), 0);
  if (!flags) return report(flags.error());
  if (flags->has(kHelpFlag.name)) {
    print_help(kKafkaHelp, own_flags);
    return 0;
  }
  if (flags->has("version")) return print_kafka_version();
  if (!flags->has(kBootstrapFlag.name) && !flags->has("broker-list"))
    return report({ErrorCode::InvalidParameter, "Missing required option(s) [bootstrap-server]"});
  if (!flags->has("topic"))
    return report({ErrorCode::InvalidParameter, "Missing required argument \"[topic]\""});
  const Result<ProduceRequest> request = to_request(*flags);
  if (!request) return report(request.error());
  const Result<int64_t> produced = produce(*request);
  if (!produced) return report(produced.error());
  return is_interrupted() ? kInterrupted : 0;
}

}  // namespace client
