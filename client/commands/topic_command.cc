// millrace topic: topics, listed, described, created and deleted.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/topic_limits.h"
#include "client/admin/topic_plan.h"
#include "client/admin/topics.h"
#include "client/command_line.h"
#include "client/commands.h"
#include "client/misplaced_action.h"
#include "client/security.h"
#include "client/table.h"

namespace client {

namespace {

constexpr Flag kTopicFlag{
    .name = "topic", .argument = "TOPIC", .doc = "The topic, also as an argument"};

constexpr Flag kListFlags[] = {kBootstrapFlag, kCommandConfigFlag, kCommandPropertyFlag, kHelpFlag};
constexpr Flag kDescribeFlags[] = {
    kTopicFlag,
    {.name = "unavailable-partitions", .doc = "Show only partitions without a leader"},
    kBootstrapFlag,
    kCommandConfigFlag,
    kCommandPropertyFlag,
    kHelpFlag};
constexpr Flag kCreateFlags[] = {
    kTopicFlag,
    {.name = "partitions", .argument = "N", .doc = "Number of partitions [the server's default]"},
    {.name = "replication-factor",
     .argument = "N",
     .doc = "Number of replicas [the server's "
            "default]"},
    {.name = "replicas", .argument = "N", .doc = "Another name of --replication-factor"},
    {.name = "config", .argument = "KEY=VALUE", .doc = "A setting of the topic; may be repeated"},
    {.name = "if-not-exists", .doc = "Succeed if the topic already exists"},
    kBootstrapFlag,
    kCommandConfigFlag,
    kCommandPropertyFlag,
    kHelpFlag};
constexpr Flag kAlterFlags[] = {kTopicFlag,
                                {.name = "partitions",
                                 .argument = "N",
                                 .doc = "New number of partitions, which must be higher "
                                        "than the present one"},
                                kBootstrapFlag,
                                kCommandConfigFlag,
                                kCommandPropertyFlag,
                                kHelpFlag};
constexpr Flag kDeleteFlags[] = {
    kTopicFlag,           {.name = "if-exists", .doc = "Succeed if the topic does not exist"},
    kBootstrapFlag,       kCommandConfigFlag,
    kCommandPropertyFlag, kHelpFlag};

std::string numbers(const std::vector<NodeId>& nodes) {
  std::string text;
  for (const NodeId node : nodes)
    text += fmt::format("{}{}", text.empty() ? "" : ",", node.value());
  return text;
}

struct TopicRequest {
  Connection::Settings settings;
  std::vector<std::string> names;
  std::optional<int> partitions, replication_factor;
  Properties config;
  bool may_exist = false, may_be_missing = false;
  bool only_unavailable = false;
};

Result<std::optional<int>> optional_number(const Flags& flags, std::string_view name, int most) {
  if (!flags.has(name)) return std::optional<int>();
  return std::optional(static_cast<int>(TRY(flags.number(name, 1, 1, most))));
}

Result<TopicRequest> to_request(const Flags& flags) {
  TopicRequest request;
  request.settings = {bootstrap_server(flags), TRY(connection_properties(flags))};
  request.names = flags.all(kTopicFlag.name);
  request.names.insert(request.names.end(), flags.words().begin(), flags.words().end());
  request.partitions = TRY(optional_number(flags, "partitions", kMostPartitionsOfTopic));
  request.replication_factor = TRY(
      optional_number(flags, flags.has("replicas") ? "replicas" : "replication-factor", INT16_MAX));
  if (flags.has("replicas") && flags.has("replication-factor"))
    return wrong_usage("--replicas and --replication-factor are the same option: give one of them");
  request.only_unavailable = flags.has("unavailable-partitions");
  request.config = TRY(parse_properties(flags.all("config"), "config"));
  request.may_exist = flags.has("if-not-exists");
  request.may_be_missing = flags.has("if-exists");
  return request;
}

Status list(Connection& connection, const TopicRequest&) {
  std::vector<std::vector<std::string>> rows;
  for (const TopicDescription& topic : TRY(connection.topics()))
    rows.push_back({topic.name, std::to_string(topic.partitions.size()),
                    std::to_string(topic.replication_factor())});
  if (rows.empty()) {
    fmt::print("No topics exist yet. Create one with: millrace topic create NAME\n");
    return {};
  }
  using enum Column::Align;
  fmt::print("{}", format_table({{"TOPIC"}, {"PARTITIONS", Right}, {"REPLICAS", Right}}, rows));
  return {};
}

Status describe_one(Connection& connection, const TopicDescription& topic, const Properties& config,
                    bool only_unavailable) {
  fmt::print("Topic {}: {} partition{}, replication factor {}\n", topic.name,
             topic.partitions.size(), topic.partitions.size() == 1 ? "" : "s",
             topic.replication_factor());
  for (const auto& [name, value] : config) fmt::print("  {} = {}\n", name, value);
  std::vector<std::vector<std::string>> rows;
  int64_t records = 0;
  for (const PartitionDescription& partition : topic.partitions) {
    if (only_unavailable && partition.leader) continue;
    std::string first = "?", end = "?", leader = "none";
    if (partition.leader) {
      leader = std::to_string(partition.leader->value());
      const OffsetRange range = TRY(offset_range(connection, topic.name, partition.id));
      first = std::to_string(range.first_offset.value());
      end = std::to_string(range.end_offset.value());
      records += range.end_offset - range.first_offset;
    }
    rows.push_back({std::to_string(partition.id.value()), leader, numbers(partition.replicas),
                    numbers(partition.isr), first, end});
  }
  using enum Column::Align;
  fmt::print("{}offsets in use: {}\n",
             format_table({{"PARTITION", Right},
                           {"LEADER", Right},
                           {"REPLICAS"},
                           {"ISR"},
                           {"FIRST OFFSET", Right},
                           {"END OFFSET", Right}},
                          rows),
             grouped(records));
  return {};
}

Status describe(Connection& connection, const TopicRequest& request) {
  const std::vector<TopicDescription> topics = TRY(connection.topics());
  std::vector<std::string> names = request.names;
  if (names.empty())
    for (const TopicDescription& topic : topics) names.push_back(topic.name);
  for (const std::string& name : names)
    if (!std::ranges::count(topics, name, &TopicDescription::name))
      return no_such_topic(name, topics);
  std::map<std::string, Properties> configs = TRY(topic_configs(connection, names));
  bool is_first = true;
  for (const std::string& name : names) {
    const TopicDescription& topic = *std::ranges::find(topics, name, &TopicDescription::name);
    if (request.only_unavailable && std::ranges::all_of(topic.partitions, [](const auto& each) {
          return each.leader.has_value();
        }))
      continue;
    if (!std::exchange(is_first, false)) fmt::print("\n");
    TRY(describe_one(connection, topic, configs[name], request.only_unavailable));
  }
  if (is_first && request.only_unavailable) fmt::print("Each partition has a leader.\n");
  return {};
}

Status create(Connection& connection, const TopicRequest& request) {
  NewTopic topic{{}, request.partitions, request.replication_factor, request.config};
  for (const std::string& name : request.names) {
    topic.name = name;
    const Status created = create_topic(connection, topic);
    if (!created && created.error().code == ErrorCode::TopicExists && request.may_exist) {
      fmt::print("Topic {} already exists.\n", name);
      continue;
    }
    if (!created) {
      Error error = about(fmt::format("cannot create topic \"{}\"", name), created.error());
      if (error.hint.empty() && error.code == ErrorCode::TopicExists)
        error.hint =
            "--if-not-exists accepts the existing topic. millrace topic describe shows it, and "
            "millrace topic alter adds partitions.";
      else if (error.hint.empty() && request.replication_factor.value_or(1) > 1)
        error.hint =
            "Leave out --replication-factor. A cluster keeps more than one replica of a topic.";
      return error;
    }
    fmt::print("Created topic {}.\n", name);
    if (const std::string unusual = unusual_about_name(name); !unusual.empty())
      fmt::print(stderr, "notice: \"{}\" {}\n", name, unusual);
  }
  return {};
}

Status alter(Connection& connection, const TopicRequest& request) {
  for (const std::string& name : request.names) {
    const Status altered = add_partitions(connection, name, *request.partitions);
    if (!altered) {
      Error error = about(fmt::format("cannot change topic \"{}\"", name), altered.error());
      if (altered.error().code == ErrorCode::UnknownTopic)
        error.hint = "millrace topic list shows all topics.";
      else if (error.hint.empty())
        error.hint = fmt::format(
            "CREATE STREAM copy WITH (PARTITIONS = {}) AS SELECT * FROM s copies the stream of a "
            "topic to a topic with another number.",
            *request.partitions);
      return error;
    }
    fmt::print("Topic {} now has {} partitions.\n", name, *request.partitions);
  }
  return {};
}

Status remove(Connection& connection, const TopicRequest& request) {
  for (const std::string& name : request.names) {
    const Status deleted = delete_topic(connection, name);
    if (!deleted && deleted.error().code == ErrorCode::UnknownTopic) {
      if (!request.may_be_missing) return no_such_topic(name, TRY(connection.topics()));
      fmt::print("Topic {} does not exist.\n", name);
      continue;
    }
    if (!deleted) return about(fmt::format("cannot delete topic \"{}\"", name), deleted.error());
    fmt::print("Deleted topic {}.\n", name);
  }
  return {};
}

enum class Topics { None, Any, AtLeastOne };
struct Action {
  std::string_view name;
  std::span<const Flag> flags;
  Topics topics;
  std::string_view required_flag;  // a flag that the command requires; may be empty
  Help help;
  Status (*run)(Connection& connection, const TopicRequest& request);
};
constexpr Action kActions[] = {
    {"list",
     kListFlags,
     Topics::None,
     "",
     {"millrace topic list [OPTIONS]", "Shows all topics."},
     list},
    {"describe",
     kDescribeFlags,
     Topics::Any,
     "",
     {"millrace topic describe [TOPIC...] [OPTIONS]",
      "Shows partitions, offsets and settings of topics; of all topics if none is named.",
      "  millrace topic describe orders\n"},
     describe},
    {"create",
     kCreateFlags,
     Topics::AtLeastOne,
     "",
     {"millrace topic create TOPIC... [OPTIONS]", "Makes topics.",
      "  millrace topic create orders --partitions 6\n"
      "  millrace topic create users --config cleanup.policy=compact\n"},
     create},
    {"alter",
     kAlterFlags,
     Topics::AtLeastOne,
     "partitions",
     {"millrace topic alter TOPIC... --partitions N [OPTIONS]",
      "Adds partitions. Keys then map to other partitions than before."},
     alter},
    {"delete",
     kDeleteFlags,
     Topics::AtLeastOne,
     "",
     {"millrace topic delete TOPIC... [OPTIONS]", "Deletes topics with all their records.",
      "  millrace topic delete orders --if-exists\n"},
     remove},
};

constexpr std::string_view kPlan = "plan";
constexpr Flag kPlanFlags[] = {
    {.name = "throughput", .argument = "RATE", .doc = "Throughput of the topic: 200MB/s"},
    {.name = "producer",
     .argument = "NxRATE",
     .doc = "Number of producers, and throughput of "
            "each: 4x15MB/s"},
    {.name = "consumer",
     .argument = "NxRATE",
     .doc = "Number of consumers, and throughput of "
            "each: 6x20MB/s"},
    kHelpFlag};
constexpr Help kPlanHelp{
    "millrace topic plan --throughput RATE --producer NxRATE --consumer NxRATE",
    "Computes and explains the number of partitions that a topic needs. Does not connect to a "
    "server.",
    "  millrace topic plan --throughput 200MB/s --producer 4x15MB/s --consumer 6x20MB/s\n"};

Result<PartitionPlan> read_plan(const Flags& flags) {
  for (const char* needed : {"throughput", "producer", "consumer"})
    if (!flags.has(needed))
      return Error{ErrorCode::InvalidParameter, fmt::format("--{} is missing", needed)};
  return PartitionPlan{TRY(parse_rate(flags.text("throughput"))),
                       TRY(parse_client_rates(flags.text("producer"))),
                       TRY(parse_client_rates(flags.text("consumer")))};
}

int run_plan(std::span<const char* const> arguments) {
  const Result<Flags> flags = Flags::parse(kPlanFlags, arguments, 0);
  if (!flags) return report(flags.error(), kUsageError);
  if (flags->has(kHelpFlag.name)) {
    print_help(kPlanHelp, kPlanFlags);
    return 0;
  }
  const Result<PartitionPlan> plan = read_plan(*flags);
  if (!plan) return report(plan.error(), kUsageError);
  fmt::print("{}", explain(*plan));
  return 0;
}

void print_actions() {
  fmt::print("Works on topics.\n\nUsage: millrace topic ACTION [OPTIONS]\n\nActions:\n");
  for (const Action& action : kActions)
    fmt::print("  {:<9} {}\n", action.name, action.help.summary);
  fmt::print("  {:<9} {}\n", kPlan, kPlanHelp.summary);
  fmt::print(
      "\nAfter an action, --help shows its options.\n\nExamples:\n"
      "  millrace topic create orders --partitions 6\n"
      "  millrace topic list -b localhost:9092\n");
}

Result<TopicRequest> read_command_line(const Action& action, const Flags& flags) {
  TopicRequest request = TRY(to_request(flags));
  if (action.topics == Topics::AtLeastOne && request.names.empty())
    return Error{ErrorCode::InvalidParameter,
                 "the name of a topic is missing",
                 {},
                 fmt::format("It follows the action: millrace topic {} orders.", action.name)};
  if (!action.required_flag.empty() && !flags.has(action.required_flag))
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("--{} is missing", action.required_flag),
                 {},
                 "--partitions 6 adds partitions. millrace config topic NAME retention.ms=3600000 "
                 "changes a setting."};
  return request;
}

Status run_action(const Action& action, const TopicRequest& request) {
  Connection connection = TRY(Connection::open(RD_KAFKA_PRODUCER, request.settings, {}));
  TRY(connection.topics());  // if no server answers, this call fails early with a clear error
  return action.run(connection, request);
}

}  // namespace

int run_topic_command(int argc, const char* const* argv) {
  const std::string_view name = argc > 1 ? argv[1] : "";
  if (name == "--help" || name == "-h") {
    print_actions();
    return 0;
  }
  const std::span arguments(argv, static_cast<size_t>(argc));
  if (name == kPlan) return run_plan(arguments.subspan(2));
  const auto* action = std::ranges::find(kActions, name, &Action::name);
  if (action == std::end(kActions)) {
    std::vector<std::string> names;
    for (const Action& each : kActions) names.emplace_back(each.name);
    names.emplace_back(kPlan);
    if (argc > 1)
      if (const auto status =
              report_misplaced_action("millrace topic", arguments.subspan(1), names))
        return *status;
    return report_unknown_action("millrace topic", name, std::move(names));
  }
  const Result<Flags> flags = Flags::parse(action->flags, arguments.subspan(2),
                                           action->topics == Topics::None ? 0 : SIZE_MAX);
  if (!flags) return report(flags.error(), kUsageError);
  if (flags->has(kHelpFlag.name)) {
    print_help(action->help, action->flags);
    return 0;
  }
  const Result<TopicRequest> request = read_command_line(*action, *flags);
  if (!request) return report(request.error(), kUsageError);
  const Status done = run_action(*action, *request);
  return done ? 0 : report(done.error());
}

}  // namespace client
