// kafka-topics: the flags, words and exit statuses of Apache Kafka 3.9's tool.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "client/admin/cluster_admin.h"
#include "client/admin/reassignment_file.h"
#include "client/admin/topic_pattern.h"
#include "client/admin/topics.h"
#include "client/command_line.h"
#include "client/commands.h"

namespace client {

namespace {

constexpr Flag kFlags[] = {
    {.name = "alter", .doc = "Add partitions"},
    {.name = "at-min-isr-partitions",
     .doc = "Describe only partitions whose number of replicas in sync equals min.insync.replicas"},
    kBootstrapFlag,
    {.name = "command-config",
     .argument = "FILE",
     .doc = "Settings of the connection, from a file"},
    {.name = "config", .argument = "KEY=VALUE", .doc = "A setting of the topic to create"},
    {.name = "create", .doc = "Create a new topic"},
    {.name = "delete", .doc = "Delete topics"},
    {.name = "delete-config", .argument = "KEY"},
    {.name = "describe", .doc = "List details for the given topics"},
    {.name = "exclude-internal", .doc = "Leave out internal topics"},
    {.name = "if-exists", .doc = "Succeed if the topic does not exist"},
    {.name = "if-not-exists", .doc = "Succeed if the topic to create already exists"},
    {.name = "list", .doc = "List all available topics"},
    {.name = "partition-size-limit-per-response", .argument = "N"},
    {.name = "partitions", .argument = "N", .doc = "For --create and --alter"},
    {.name = "replica-assignment",
     .argument = "LIST",
     .doc = "The nodes of each partition, for --create and --alter: 1:2,2:3"},
    {.name = "replication-factor", .argument = "N", .doc = "For --create"},
    {.name = "topic",
     .argument = "TOPIC",
     .doc = "The topic; for all actions except --create also a regular expression"},
    {.name = "topic-id", .argument = "ID", .doc = "The id of the topic, for --describe"},
    {.name = "topics-with-overrides",
     .doc = "Describe only topics that have settings of their own"},
    {.name = "unavailable-partitions", .doc = "Describe only partitions without a leader"},
    {.name = "under-min-isr-partitions",
     .doc = "Describe only partitions with fewer replicas in sync than min.insync.replicas"},
    {.name = "under-replicated-partitions",
     .doc = "Describe only partitions with replicas that "
            "are not in sync"},
    {.name = "version"},
    kHelpFlag};

constexpr std::string_view kUnsupportedFlags[] = {"delete-config"};

std::string joined(const std::vector<NodeId>& nodes) {
  std::string text;
  for (const NodeId node : nodes)
    text += fmt::format("{}{}", text.empty() ? "" : ",", node.value());
  return text;
}

std::string joined(const Properties& config) {
  std::string text;
  for (const auto& [name, value] : config)
    text += fmt::format("{}{}={}", text.empty() ? "" : ",", name, value);
  return text;
}

Result<Properties> client_properties(const Flags& flags) {
  if (!flags.has("command-config")) return Properties();
  return read_properties_file(flags.text("command-config"));
}

// Returns the topics that match --topic, or all topics without this flag. Fails if no topic
// matches, unless --if-exists or --list is given.
Result<std::vector<TopicDescription>> chosen_topics(Connection& connection, const Flags& flags) {
  std::vector<TopicDescription> topics = TRY(connection.topics());
  // librdkafka does not return which topics the server has marked as internal, so internal topics
  // are recognized by their names.
  if (flags.has("exclude-internal"))
    std::erase_if(topics, [](const TopicDescription& topic) {
      return topic.name.starts_with("__") || topic.name == "ksql_processing_log";
    });
  if (!flags.has("topic")) return topics;
  const std::string pattern = flags.text("topic");
  topics = TRY(matching(std::move(topics), pattern));
  if (topics.empty() && !flags.has("if-exists") && !flags.has("list"))
    return Error{ErrorCode::UnknownTopic,
                 fmt::format("Topic '{}' does not exist as expected", pattern)};
  return topics;
}

Result<int> at_least_one(const Flags& flags, const std::string& name, int most) {
  const Result<int64_t> number = flags.number(name, 0, INT32_MIN, INT32_MAX);
  if (!number)
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("Cannot parse argument '{}' of option {}", flags.text(name), name)};
  if (*number < 1 || *number > most)
    return Error{
        ErrorCode::InvalidParameter,
        most == INT16_MAX
            ? fmt::format("The replication factor must be between 1 and {} inclusive", most)
            : fmt::format("The {} must be greater than 0", name)};
  return static_cast<int>(*number);
}

Status list(Connection& connection, const Flags& flags) {
  for (const TopicDescription& topic : TRY(chosen_topics(connection, flags)))
    fmt::print("{}\n", topic.name);
  return {};
}

struct PartitionFilter {
  std::string_view flag;
  bool (*keeps)(const PartitionDescription& partition, size_t min_isr);
};
constexpr PartitionFilter kPartitionFilters[] = {
    {"under-replicated-partitions",
     [](const PartitionDescription& partition, size_t) {
       return partition.isr.size() < partition.replicas.size();
     }},
    {"unavailable-partitions",
     [](const PartitionDescription& partition, size_t) { return !partition.leader; }},
    {"under-min-isr-partitions", [](const PartitionDescription& partition,
                                    size_t min_isr) { return partition.isr.size() < min_isr; }},
    {"at-min-isr-partitions", [](const PartitionDescription& partition,
                                 size_t min_isr) { return partition.isr.size() == min_isr; }},
};

// Returns the topic's min.insync.replicas, or Kafka's default 1 if it is not known. For a partition
// with fewer replicas than this, the caller uses the number of its replicas.
Result<size_t> min_isr_of(const Properties& config) {
  const auto found = config.find("min.insync.replicas");
  if (found == config.end()) return size_t{1};
  return static_cast<size_t>(TRY(parse_number(found->second, 0, INT32_MAX)));
}

void describe_partition(const std::string& topic, const PartitionDescription& partition) {
  // Elr (replicas that may still become leader) is "N/A", because librdkafka uses an older protocol
  // version, which does not report it.
  fmt::print(
      "\tTopic: {}\tPartition: {}\tLeader: {}\tReplicas: {}\tIsr: {}\tElr: N/A\tLastKnownElr: "
      "N/A\n",
      topic, partition.id.value(),
      partition.leader ? std::to_string(partition.leader->value()) : "none",
      joined(partition.replicas), joined(partition.isr));
}

Status describe(Connection& connection, const Flags& flags) {
  std::vector<TopicDescription> topics = TRY(chosen_topics(connection, flags));
  const Properties properties = TRY(client_properties(flags));
  ClusterAdmin admin = TRY(ClusterAdmin::open(bootstrap_server(flags), properties));
  const std::map<std::string, std::string> ids = TRY(admin.describe()).topic_ids;
  const auto id_of = [&](const TopicDescription& topic) {
    const auto found = ids.find(topic.name);
    return found == ids.end() ? "" : found->second;
  };
  if (flags.has("topic-id")) {
    const std::string id = flags.text("topic-id");
    std::erase_if(topics, [&](const TopicDescription& topic) { return id_of(topic) != id; });
    if (topics.empty())
      return Error{ErrorCode::UnknownTopic,
                   fmt::format("TopicId '{}' does not exist as expected", id)};
  }
  std::vector<std::string> names;
  for (const TopicDescription& topic : topics) names.push_back(topic.name);
  std::map<std::string, Properties> configs = TRY(topic_configs(connection, names));
  const auto filter = std::ranges::find_if(
      kPartitionFilters, [&](const PartitionFilter& each) { return flags.has(each.flag); });
  const bool has_partition_filter = filter != std::end(kPartitionFilters);
  for (const TopicDescription& topic : topics) {
    const Properties& config = configs[topic.name];
    if (flags.has("topics-with-overrides") && config.empty()) continue;
    if (!has_partition_filter)
      fmt::print("Topic: {}\tTopicId: {}\tPartitionCount: {}\tReplicationFactor: {}\tConfigs: {}\n",
                 topic.name, id_of(topic), topic.partitions.size(), topic.replication_factor(),
                 joined(config));
    if (flags.has("topics-with-overrides")) continue;
    const size_t min_isr = TRY(min_isr_of(config));
    for (const PartitionDescription& partition : topic.partitions)
      if (!has_partition_filter ||
          filter->keeps(partition, std::min(min_isr, partition.replicas.size())))
        describe_partition(topic.name, partition);
  }
  return {};
}

Status create(Connection& connection, const Flags& flags) {
  NewTopic topic{flags.text("topic"), {}, {}, {}};
  if (flags.has("partitions")) topic.partitions = TRY(at_least_one(flags, "partitions", INT32_MAX));
  if (flags.has("replication-factor"))
    topic.replication_factor = TRY(at_least_one(flags, "replication-factor", INT16_MAX));
  if (flags.has("replica-assignment"))
    topic.replicas = TRY(parse_replica_assignment(flags.text("replica-assignment")));
  topic.config = TRY(parse_properties(flags.all("config"), "config"));
  if (topic.name.find_first_of("._") != topic.name.npos)
    fmt::print(
        "WARNING: Due to limitations in metric names, topics with a period ('.') or underscore "
        "('_') could collide. To avoid issues it is best to use either, but not both.\n");
  const Status created = create_topic(connection, topic);
  if (!created && created.error().code == ErrorCode::TopicExists) {
    if (flags.has("if-not-exists")) return {};
    return Error{ErrorCode::TopicExists, fmt::format("Topic '{}' already exists.", topic.name)};
  }
  TRY(Status(created));
  fmt::print("Created topic {}.\n", topic.name);
  return {};
}

Status alter(Connection& connection, const Flags& flags) {
  const int partitions = TRY(at_least_one(flags, "partitions", INT32_MAX));
  std::vector<std::vector<int32_t>> replicas;
  if (flags.has("replica-assignment"))
    replicas = TRY(parse_replica_assignment(flags.text("replica-assignment")));
  for (const TopicDescription& topic : TRY(chosen_topics(connection, flags))) {
    // --replica-assignment also lists the existing partitions first; they are skipped here.
    const auto known =
        static_cast<std::ptrdiff_t>(std::min(topic.partitions.size(), replicas.size()));
    TRY(add_partitions(connection, topic.name, partitions,
                       {replicas.begin() + known, replicas.end()}));
  }
  return {};
}

Status remove(Connection& connection, const Flags& flags) {
  for (const TopicDescription& topic : TRY(chosen_topics(connection, flags)))
    TRY(delete_topic(connection, topic.name));
  return {};
}

struct Action {
  std::string_view flag;
  std::vector<std::string_view> required, excluded;
  Status (*run)(Connection& connection, const Flags& flags);
};
const std::vector<std::string_view> kOfNew = {"partitions", "replication-factor", "config",
                                              "replica-assignment", "if-not-exists"};
const Action kActions[] = {
    {"list", {}, kOfNew, list},
    {"describe", {}, kOfNew, describe},
    {"create", {"topic"}, {"if-exists"}, create},
    {"alter", {"topic", "partitions"}, {"replication-factor", "if-not-exists"}, alter},
    {"delete", {"topic"}, kOfNew, remove},
};

Result<const Action*> choose_action(const Flags& flags) {
  const auto wrong = [](std::string message) {
    return Error{ErrorCode::InvalidParameter, std::move(message)};
  };
  if (!flags.has(kBootstrapFlag.name)) return wrong("--bootstrap-server must be specified");
  const Action* chosen = nullptr;
  int count = 0;
  for (const Action& action : kActions)
    if (flags.has(action.flag)) {
      chosen = &action;
      ++count;
    }
  if (count != 1)
    return wrong(
        "Command must include exactly one action: --list, --describe, --create, --alter or "
        "--delete");
  if (chosen->flag == "alter" && flags.has("config"))
    return wrong(
        "Option combination \"[bootstrap-server],[config]\" can't be used with option \"[alter]\" "
        "(the "
        "kafka-configs CLI supports altering topic configs with a --bootstrap-server option)");
  for (const std::string_view name : chosen->required)
    if (!flags.has(name)) return wrong(fmt::format("Missing required argument \"[{}]\"", name));
  for (const std::string_view name : chosen->excluded)
    if (flags.has(name))
      return wrong(
          fmt::format("Option \"[{}]\" can't be used with option \"[{}]\"", name, chosen->flag));
  if (flags.has("topic-id") && chosen->flag != "describe")
    return wrong(
        fmt::format("Option \"[topic-id]\" can't be used with option \"[{}]\"", chosen->flag));
  for (const std::string_view name : {"partitions", "replication-factor"})
    if (chosen->flag == "create" && flags.has("replica-assignment") && flags.has(name))
      return wrong(
          fmt::format("Option \"[{}]\" can't be used with option \"[replica-assignment]\"", name));
  for (const std::string_view name : kUnsupportedFlags)
    if (flags.has(name)) return wrong(fmt::format("--{} is not supported yet", name));
  return chosen;
}

Status run_action(const Action& action, const Flags& flags) {
  Properties properties = TRY(client_properties(flags));
  Connection connection = TRY(
      Connection::open(RD_KAFKA_PRODUCER, {bootstrap_server(flags), std::move(properties)}, {}));
  TRY(connection.topics());  // if no server answers, this call fails early with a clear error
  return action.run(connection, flags);
}

constexpr Help kHelp{"kafka-topics --bootstrap-server HOST:PORT ACTION [OPTIONS]",
                     "This tool helps to create, delete, describe, or change a topic.",
                     "  kafka-topics --bootstrap-server localhost:9092 --create --topic test\n"};

int usage_error(const Error& error) {
  fmt::print(stderr, "{}\nTry: kafka-topics --help\n", error.message);
  return kFailed;
}

}  // namespace

int run_kafka_topics(int argc, const char* const* argv) {
  const Result<Flags> flags =
      Flags::parse(kFlags, std::span(argv, static_cast<size_t>(argc)).subspan(1), 0);
  if (!flags) return usage_error(flags.error());
  if (const auto status = tell_of_tool(*flags, argc, kHelp, kFlags)) return *status;
  const Result<const Action*> action = choose_action(*flags);
  if (!action) return usage_error(action.error());
  const Status done = run_action(**action, *flags);
  if (done) return 0;
  fmt::print("Error while executing topic command : {}\n", done.error().message);
  if (!done.error().hint.empty()) fmt::print(stderr, "{}\n", done.error().hint);
  return kFailed;
}

}  // namespace client
