// millrace consume and kafka-console-consumer: print records as lines of text.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "client/admin/topic_pattern.h"
#include "client/command_line.h"
#include "client/commands.h"
#include "client/group_reader.h"
#include "client/progress.h"
#include "client/reader.h"

namespace client {

namespace {

using std::chrono::steady_clock;

constexpr int kReadWaitMs = 100;
constexpr int kMissingTopicPauseMs = 500;
constexpr size_t kPrintBytes = 64 << 10;

// The flags of `millrace consume` and of kafka-console-consumer, which does not have the first flag.
constexpr Flag kFlags[] = {
    {.name = "until-end", .doc = "Stop at the present end of the topic", .letter = 'e'},
    {.name = "topic", .argument = "TOPIC", .doc = "The topic, also as an argument"},
    {.name = "include",
     .argument = "REGEX",
     .doc = "All topics whose names match this regular "
            "expression"},
    {.name = "whitelist", .argument = "REGEX"},  // the name of --include in older versions
    kBootstrapFlag,
    {.name = "from-beginning", .doc = "All records, not only those that arrive from now on"},
    {.name = "partition", .argument = "N", .doc = "Only this partition [all]"},
    {.name = "offset",
     .argument = "PLACE",
     .doc = "Start position: earliest, latest, an offset; -10: ten records before the end; @MS: a "
            "time [latest]"},
    {.name = "max-messages", .argument = "N", .doc = "Stop after this number of records"},
    {.name = "timeout-ms", .argument = "MS", .doc = "Stop after this time without a record"},
    {.name = "property",
     .argument = "KEY=VALUE",
     .doc =
         "Output format: print.key, print.value, print.timestamp, print.partition, print.offset, "
         "print.headers, key.separator, line.separator, headers.separator, null.literal, "
         "key.deserializer, value.deserializer"},
    {.name = "formatter-config", .argument = "FILE", .doc = "The same properties from a file"},
    {.name = "formatter",
     .argument = "CLASS",
     .doc = "DefaultMessageFormatter or NoOpMessageFormatter"},
    {.name = "key-deserializer", .argument = "CLASS", .doc = "The same as key.deserializer"},
    {.name = "value-deserializer", .argument = "CLASS", .doc = "The same as value.deserializer"},
    {.name = "isolation-level",
     .argument = "LEVEL",
     .doc = "read_committed or read_uncommitted [read_uncommitted]"},
    {.name = "skip-message-on-error", .doc = "Skip records that cannot be printed"},
    {.name = "consumer-property",
     .argument = "KEY=VALUE",
     .doc = "A setting of the consumer, as Kafka's clients name them; may be repeated"},
    {.name = "consumer.config", .argument = "FILE", .doc = "The same properties from a file"},
    {.name = "group",
     .argument = "GROUP",
     .doc = "Read as a member of this consumer group, from its committed offsets"},
    {.name = "enable-systest-events"},
    {.name = "version"},
    kHelpFlag};

struct ConsumeRequest {
  Connection::Settings settings;
  std::string topic, topic_pattern;  // exactly one of them is set
  std::optional<PartitionId> partition;
  bool has_group = false;  // the properties have group.id
  StartPosition start;
  int64_t most_records = INT64_MAX;
  std::optional<int64_t> silence_limit_ms;
  bool stops_at_end = false;
  bool waits_for_topic = false;
  bool skips_bad_records = false;
  bool is_silent = false;
  RecordFormat format;
};

Result<Properties> consumer_properties(const Flags& flags) {
  Properties properties;
  if (flags.has("consumer.config"))
    properties = TRY(read_properties_file(flags.text("consumer.config")));
  if (flags.has("isolation-level")) properties["isolation.level"] = flags.text("isolation-level");
  for (const auto& [name, value] :
       TRY(parse_properties(flags.all("consumer-property"), "consumer-property")))
    properties[name] = value;
  if (flags.has("group")) {
    const auto other = properties.find("group.id");
    if (other != properties.end() && other->second != flags.text("group"))
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("The group ids provided in different places (directly using "
                               "'--group', via '--consumer-property', or via "
                               "'--consumer.config') do not match. Detected group ids: '{}', '{}'",
                               flags.text("group"), other->second)};
    properties["group.id"] = flags.text("group");
  }
  if (properties.contains("group.id")) return properties;
  // The start position comes from --offset or --from-beginning, so the properties about it are dropped.
  properties.erase("auto.offset.reset");
  properties.erase("enable.auto.commit");
  return properties;
}

Result<RecordFormat> record_format(const Flags& flags) {
  Properties printing;
  if (flags.has("formatter-config"))
    printing = TRY(read_properties_file(flags.text("formatter-config")));
  for (const auto& [name, value] : TRY(parse_properties(flags.all("property"), "property")))
    printing[name] = value;
  for (const char* part : {"key", "value"})
    if (const std::string flag = fmt::format("{}-deserializer", part); flags.has(flag))
      printing[fmt::format("{}.deserializer", part)] = flags.text(flag);
  return RecordFormat::from(printing);
}

Result<bool> is_silent(const Flags& flags) {
  const std::string formatter = flags.text("formatter", "DefaultMessageFormatter");
  if (formatter.ends_with("DefaultMessageFormatter")) return false;
  if (formatter.ends_with("NoOpMessageFormatter")) return true;
  return Error{ErrorCode::NotSupported,
               fmt::format("the formatter {} is not supported", formatter)};
}

Result<ConsumeRequest> to_request(const Flags& flags) {
  ConsumeRequest request;
  auto properties = TRY(consumer_properties(flags));
  request.settings = {bootstrap_server(flags), std::move(properties)};
  request.topic = flags.text("topic", flags.words().empty() ? "" : flags.words().front());
  request.topic_pattern = flags.text("include", flags.text("whitelist"));
  if (request.topic.empty() == request.topic_pattern.empty())
    return Error{ErrorCode::InvalidParameter,
                 "Exactly one of --include/--topic is required.",
                 {},
                 "A topic follows the command: millrace consume orders --from-beginning. --include "
                 "'orders.*' reads all topics whose names match."};
  if (flags.has("partition"))
    request.partition =
        PartitionId{static_cast<int32_t>(TRY(flags.number("partition", 0, 0, INT32_MAX)))};
  if (flags.has("from-beginning") && flags.has("offset"))
    return Error{ErrorCode::InvalidParameter,
                 "Options from-beginning and offset cannot be specified together."};
  request.has_group = request.settings.properties.contains("group.id");
  if (request.has_group && flags.has("partition"))
    return Error{ErrorCode::InvalidParameter,
                 "Options group and partition cannot be specified together."};
  if (request.has_group && flags.has("offset"))
    return Error{ErrorCode::InvalidParameter,
                 "a group starts at its committed offsets, so --offset cannot be used with it",
                 {},
                 "To change its offsets, use millrace group reset-offsets."};
  if (flags.has("from-beginning")) request.start = {StartPosition::Kind::Earliest};
  if (flags.has("offset")) request.start = TRY(StartPosition::parse(flags.text("offset")));
  request.most_records = TRY(flags.number("max-messages", INT64_MAX, 0, INT64_MAX));
  if (flags.has("timeout-ms"))
    request.silence_limit_ms = TRY(flags.number("timeout-ms", 0, 0, INT32_MAX));
  request.stops_at_end = flags.has("until-end");
  request.skips_bad_records = flags.has("skip-message-on-error");
  if (flags.has("enable-systest-events"))
    return Error{ErrorCode::NotSupported, "--enable-systest-events is not supported"};
  request.is_silent = TRY(is_silent(flags));
  request.format = TRY(record_format(flags));
  return request;
}

bool is_over(const ConsumeRequest& request, steady_clock::time_point last_news) {
  return is_interrupted() ||
         (request.silence_limit_ms &&
          steady_clock::now() - last_news > std::chrono::milliseconds(*request.silence_limit_ms));
}

// Returns no topic if none has appeared until the end of the wait.
Result<std::vector<TopicDescription>> find_topics(const ConsumeRequest& request,
                                                  Connection& connection) {
  if (!request.topic_pattern.empty())
    return matching(TRY(connection.topics()), request.topic_pattern);
  if (!request.waits_for_topic) {
    const std::vector<TopicDescription> topics = TRY(connection.topics());
    const auto found = std::ranges::find(topics, request.topic, &TopicDescription::name);
    if (found == topics.end()) return no_such_topic(request.topic, topics);
    return std::vector{*found};
  }
  const auto began = steady_clock::now();
  for (bool has_warned = false; !is_over(request, began); has_warned = true) {
    std::optional<TopicDescription> topic =
        TRY(connection.topic(request.topic, Connection::IfMissing::MayCreate));
    if (topic && !topic->partitions.empty()) return std::vector{std::move(*topic)};
    if (!has_warned)
      fmt::print(stderr, "warning: waiting until topic {} is created\n", request.topic);
    usleep(kMissingTopicPauseMs * 1000);
  }
  return std::vector<TopicDescription>();
}

Status write_out(std::string& text) {
  const bool is_written =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  text.clear();
  if (is_written) return {};
  return Error{ErrorCode::StorageFailure, fmt::format("cannot write: {}", std::strerror(errno))};
}

// Prints records until the request is fulfilled. Sets `count` to the number of printed records,
// also if it fails.
Status print_records(const ConsumeRequest& request, RecordSource& reader, int64_t& count) {
  Progress progress(isatty(STDOUT_FILENO) ? Progress::Wanted::No : Progress::Wanted::Yes);
  std::string text;
  int64_t bytes = 0;
  auto last_news = steady_clock::now();
  while (count < request.most_records && !is_over(request, last_news) &&
         !(request.stops_at_end && reader.has_reached_ends())) {
    const auto messages =
        TRY(reader.read(kReadWaitMs, static_cast<size_t>(request.most_records - count)));
    if (!messages.empty()) last_news = steady_clock::now();
    for (const rd_kafka_message_t* message : messages) {
      if (count == request.most_records) break;
      ++count;
      const size_t began = text.size();
      const Status printed =
          request.is_silent ? Status() : print_record(request.format, to_record(*message), text);
      if (!printed) {
        text.resize(began);
        if (!request.skips_bad_records) {
          TRY(write_out(text));
          return printed;
        }
      }
      bytes += static_cast<int64_t>(message->len);
      progress.show(count, bytes);
      if (text.size() > kPrintBytes) TRY(write_out(text));
    }
    if (!text.empty()) TRY(write_out(text));
  }
  return {};
}

Status consume_in_group(const ConsumeRequest& request, int64_t& count) {
  const bool from_beginning = request.start.kind == StartPosition::Kind::Earliest;
  GroupReader reader = TRY(GroupReader::open(request.settings, from_beginning));
  TRY(reader.connection().topics());  // fails quickly if no server answers
  watch_for_interrupts();
  std::vector<std::string> names;
  for (const TopicDescription& topic : TRY(find_topics(request, reader.connection())))
    names.push_back(topic.name);
  if (names.empty()) return {};
  TRY(reader.subscribe(names));
  return print_records(request, reader, count);
}

// Runs the request, and returns the exit status.
int consume(const ConsumeRequest& request) {
  int64_t count = 0;
  const auto run = [&]() -> Status {
    if (request.has_group) return consume_in_group(request, count);
    Reader reader = TRY(Reader::open(
        request.settings, request.stops_at_end ? Reader::Until::End : Reader::Until::Stopped));
    TRY(reader.connection().topics());  // fails quickly if no server answers
    watch_for_interrupts();
    const std::vector<TopicDescription> topics = TRY(find_topics(request, reader.connection()));
    for (const TopicDescription& topic : topics)
      TRY(reader.start(topic, request.partition, request.start));
    if (topics.empty()) return {};
    return print_records(request, reader, count);
  };
  const Status done = run();
  const int status = done ? 0 : report(done.error());
  if (done || count > 0) fmt::print(stderr, "Processed a total of {} messages\n", count);
  return is_interrupted() ? kInterrupted : status;
}

constexpr Help kHelp{
    "millrace consume TOPIC [OPTIONS]",
    "Prints the records of a topic, one per line. Without --from-beginning or --offset it prints "
    "only records\nthat arrive from now on, until Ctrl-C.",
    "  millrace consume orders --from-beginning\n"
    "  millrace consume orders --offset -10 --until-end\n"
    "  millrace consume orders --group billing\n"
    "  millrace consume clicks --property print.key=true --property print.timestamp=true\n"};
constexpr Help kKafkaHelp{
    "kafka-console-consumer --bootstrap-server HOST:PORT --topic TOPIC [OPTIONS]",
    "This tool helps to read data from Kafka topics and outputs it to standard output.", ""};

// Fails for command lines that millrace consume accepts, but Kafka's tool refuses.
Status check_as_kafka(const Flags& flags) {
  const auto refuse = [](std::string message) {
    return Error{ErrorCode::InvalidParameter, std::move(message)};
  };
  if (!flags.has(kBootstrapFlag.name))
    return refuse("Missing required argument \"[bootstrap-server]\"");
  if (flags.has("offset") && !flags.has("partition"))
    return refuse("The partition is required when offset is specified.");
  const std::string offset = flags.text("offset", "latest");
  if (offset != "earliest" && offset != "latest" && !parse_number(offset, 0, INT64_MAX))
    return refuse(
        fmt::format("The provided offset value '{}' is incorrect. Valid values are "
                    "'earliest', 'latest', or a non-negative long.",
                    offset));
  return {};
}

}  // namespace

int run_consume_command(int argc, const char* const* argv) {
  const Result<Flags> flags =
      Flags::parse(kFlags, std::span(argv, static_cast<size_t>(argc)).subspan(1), 1);
  if (!flags) return report(flags.error(), kUsageError);
  if (flags->has(kHelpFlag.name)) {
    print_help(kHelp, kFlags);
    return 0;
  }
  const Result<ConsumeRequest> request = to_request(*flags);
  if (!request) return report(request.error(), kUsageError);
  return consume(*request);
}

int run_kafka_console_consumer(int argc, const char* const* argv) {
  const std::span<const Flag> own_flags = std::span(kFlags).subspan(1);
  const Result<Flags> flags =
      Flags::parse(own_flags, std::span(argv, static_cast<size_t>(argc)).subspan(1), 0);
  if (!flags) return report(flags.error());
  if (flags->has(kHelpFlag.name)) {
    print_help(kKafkaHelp, own_flags);
    return 0;
  }
  if (flags->has("version")) return print_kafka_version();
  if (const Status checked = check_as_kafka(*flags); !checked) return report(checked.error());
  Result<ConsumeRequest> request = to_request(*flags);
  if (!request) return report(request.error());
  request->waits_for_topic = true;
  return consume(*request);
}

}  // namespace client
