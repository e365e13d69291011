// millrace confluent kafka topic: topics and their records on the chosen cluster.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "base/topic_limits.h"
#include "client/admin/topics.h"
#include "client/commands.h"
#include "client/contexts/actions.h"
#include "client/contexts/confluent_command.h"

namespace client {

namespace {

constexpr Flag kListFlags[] = {kOutputFlag, kClusterFlag, kEnvironmentFlag, kHelpFlag};
constexpr Flag kCreateFlags[] = {
    {.name = "partitions", .argument = "N", .doc = "How many [the server's default]"},
    {.name = "config", .argument = "KEY=VALUE", .doc = "A setting of the topic; may be repeated"},
    {.name = "if-not-exists", .doc = "Succeed if the topic exists already"},
    kClusterFlag,
    kEnvironmentFlag,
    kHelpFlag};
constexpr Flag kDeleteFlags[] = {kForceFlag, kClusterFlag, kEnvironmentFlag, kHelpFlag};
constexpr Flag kProduceFlags[] = {
    {.name = "parse-key", .doc = "Each line has a key, the delimiter and the value"},
    {.name = "delimiter", .argument = "TEXT", .doc = "Between key and value [:]"},
    {.name = "value-format", .argument = "FORMAT", .doc = "string, the only one"},
    {.name = "config",
     .argument = "KEY=VALUE",
     .doc = "A setting of the producer; may be repeated"},
    kClusterFlag,
    kEnvironmentFlag,
    kHelpFlag};
constexpr Flag kConsumeFlags[] = {
    {.name = "from-beginning", .doc = "All records, not only new ones", .letter = 'b'},
    {.name = "group", .argument = "GROUP", .doc = "Read as a member of this consumer group"},
    {.name = "print-key", .doc = "Print the key and the delimiter before the value"},
    {.name = "full-header", .doc = "Print the record's headers"},
    {.name = "timestamp", .doc = "Print the record's time"},
    {.name = "delimiter", .argument = "TEXT", .doc = "Between key and value [tab]"},
    {.name = "value-format", .argument = "FORMAT", .doc = "string, the only one"},
    {.name = "config",
     .argument = "KEY=VALUE",
     .doc = "A setting of the consumer; may be repeated"},
    kClusterFlag,
    kEnvironmentFlag,
    kHelpFlag};

Result<Context*> cluster_of(ConfluentCall& call) {
  return call.contexts.chosen(call.flags.text("cluster"));
}

Result<Connection> connect(ConfluentCall& call) {
  const Context* context = TRY(cluster_of(call));
  return Connection::open(RD_KAFKA_PRODUCER, {context->kafka, kafka_properties(*context, nullptr)},
                          {});
}

Object describe(const TopicDescription& topic) {
  return {{"Name", "name", topic.name},
          {"Internal", "is_internal", topic.name.starts_with("__") ? "true" : "false", true},
          {"Replication Factor", "replication_factor", std::to_string(topic.replication_factor()),
           true},
          {"Partition Count", "partition_count", std::to_string(topic.partitions.size()), true}};
}

Result<int> list(ConfluentCall& call) {
  Connection connection = TRY(connect(call));
  std::vector<Object> objects;
  for (const TopicDescription& topic : TRY(connection.topics())) objects.push_back(describe(topic));
  fmt::print("{}", format_list(objects, call.format));
  return 0;
}

Result<int> describe_topic(ConfluentCall& call) {
  Connection connection = TRY(connect(call));
  const std::vector<TopicDescription> topics = TRY(connection.topics());
  const auto found = std::ranges::find(topics, call.name(), &TopicDescription::name);
  if (found == topics.end()) return no_such_topic(call.name(), topics);
  fmt::print("{}", format_object(describe(*found), call.format));
  return 0;
}

Result<int> create(ConfluentCall& call) {
  Connection connection = TRY(connect(call));
  TRY(connection.topics());  // if no server answers, this call fails early with a clear error
  NewTopic topic{call.name(), {}, {}, TRY(parse_properties(call.flags.all("config"), "config"))};
  if (call.flags.has("partitions"))
    topic.partitions =
        static_cast<int>(TRY(call.flags.number("partitions", 1, 1, kMostPartitionsOfTopic)));
  const Status created = create_topic(connection, topic);
  if (!created && created.error().code == ErrorCode::TopicExists &&
      call.flags.has("if-not-exists")) {
    fmt::print("Topic \"{}\" already exists.\n", topic.name);
    return 0;
  }
  if (!created)
    return about(fmt::format("cannot create topic \"{}\"", topic.name), created.error());
  fmt::print("Created topic \"{}\".\n", topic.name);
  return 0;
}

Result<int> remove(ConfluentCall& call) {
  Connection connection = TRY(connect(call));
  const std::string name = call.name();
  const std::vector<TopicDescription> topics = TRY(connection.topics());
  if (!std::ranges::count(topics, name, &TopicDescription::name))
    return no_such_topic(name, topics);
  if (!call.flags.has(kForceFlag.name))
    TRY(confirm(fmt::format("Are you sure you want to delete topic \"{}\"?", name)));
  TRY(delete_topic(connection, name));
  fmt::print("Deleted topic \"{}\".\n", name);
  return 0;
}

// Returns the command line of `millrace produce` or `millrace consume` for the chosen cluster. The
// command line contains the secret. This is safe: it is passed to a function of this process, so no
// list of processes shows it.
Result<std::vector<std::string>> command_line(ConfluentCall& call, const char* command,
                                              const char* property_flag) {
  const Context* context = TRY(cluster_of(call));
  const ApiKey* key = TRY(current_key(*context));
  if (const std::string format = call.flags.text("value-format", "string"); format != "string")
    return Error{ErrorCode::NotSupported,
                 fmt::format("the value format {} is not supported here", format),
                 {},
                 "Write and read such values with \"millrace sql\": CREATE STREAM ... WITH "
                 "(VALUE_FORMAT = '...')."};
  std::vector<std::string> words = {command, call.name(), "--bootstrap-server", context->kafka};
  const auto add = [&](const std::string& flag, const std::string& name, const std::string& value) {
    words.push_back(flag);
    words.push_back(fmt::format("{}={}", name, value));
  };
  for (const auto& [name, value] : kafka_properties(*context, key)) add(property_flag, name, value);
  for (const auto& [name, value] : TRY(parse_properties(call.flags.all("config"), "config")))
    add(property_flag, name, value);
  const auto print = [&](bool is_wanted, const char* property) {
    if (is_wanted) add("--property", property, "true");
  };
  print(call.flags.has("parse-key"), "parse.key");
  print(call.flags.has("print-key"), "print.key");
  print(call.flags.has("full-header"), "print.headers");
  print(call.flags.has("timestamp"), "print.timestamp");
  return words;
}

int run_with(int (*run)(int argc, const char* const* argv), const std::vector<std::string>& words) {
  std::vector<const char*> arguments;
  for (const std::string& word : words) arguments.push_back(word.c_str());
  const int status = run(static_cast<int>(arguments.size()), arguments.data());
  return status == kInterrupted ? 0 : status;  // Ctrl-C is the usual end of these commands
}

Result<int> produce(ConfluentCall& call) {
  std::vector<std::string> words = TRY(command_line(call, "produce", "--producer-property"));
  if (call.flags.has("parse-key")) {
    words.emplace_back("--property");
    words.push_back("key.separator=" + call.flags.text("delimiter", ":"));
  }
  fmt::print(stderr, "Starting Kafka Producer. Use Ctrl-C or Ctrl-D to exit.\n");
  return run_with(run_produce_command, words);
}

Result<int> consume(ConfluentCall& call) {
  std::vector<std::string> words = TRY(command_line(call, "consume", "--consumer-property"));
  if (call.flags.has("from-beginning")) words.emplace_back("--from-beginning");
  if (call.flags.has("group")) words.push_back("--group=" + call.flags.text("group"));
  if (call.flags.has("delimiter")) {
    words.emplace_back("--property");
    words.push_back("key.separator=" + call.flags.text("delimiter"));
  }
  fmt::print(stderr, "Starting Kafka Consumer. Use Ctrl-C to exit.\n");
  return run_with(run_consume_command, words);
}

constexpr ConfluentCommand kCommands[] = {
    {"kafka topic create", "NAME", "Creates a topic.", kCreateFlags, create},
    {"kafka topic list", "", "Lists the topics.", kListFlags, list},
    {"kafka topic describe", "NAME", "Describes a topic.", kListFlags, describe_topic},
    {"kafka topic delete", "NAME", "Deletes a topic and its records.", kDeleteFlags, remove},
    {"kafka topic produce", "NAME", "Sends each typed line as a record.", kProduceFlags, produce},
    {"kafka topic consume", "NAME", "Prints the records of a topic as they arrive.", kConsumeFlags,
     consume},
};

}  // namespace

std::span<const ConfluentCommand> confluent_topic_commands() { return kCommands; }

}  // namespace client
