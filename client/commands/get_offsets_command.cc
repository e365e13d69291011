// kafka-get-offsets: the flags, words and exit statuses of Apache Kafka's tool.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "client/admin/newest_records.h"
#include "client/admin/topic_pattern.h"
#include "client/admin/topics.h"
#include "client/command_line.h"
#include "client/commands.h"

namespace client {

namespace {

constexpr Flag kFlags[] = {
    kBootstrapFlag,
    {.name = "broker-list", .argument = "HOST:PORT"},
    {.name = "command-config",
     .argument = "FILE",
     .doc = "Settings of the connection, from a file"},
    {.name = "exclude-internal-topics", .doc = "Leave out topics whose names begin with __"},
    {.name = "partitions",
     .argument = "LIST",
     .doc = "Partitions, separated by commas; without it all partitions"},
    {.name = "time",
     .argument = "TIME",
     .doc =
         "Kind of offsets: latest (-1), earliest (-2), max-timestamp (-3), or milliseconds since "
         "1970 [latest]"},
    {.name = "topic", .argument = "TOPIC", .doc = "A topic, or a regular expression"},
    {.name = "topic-partitions",
     .argument = "LIST",
     .doc = "TOPIC:PARTITION, TOPIC:FROM-BEFORE and the like, separated by commas"},
    {.name = "version"},
    kHelpFlag};

constexpr Help kHelp{
    "kafka-get-offsets --bootstrap-server HOST:PORT [OPTIONS]",
    "An interactive shell for getting topic-partition offsets.",
    "  kafka-get-offsets --bootstrap-server localhost:9092 --topic orders --time -2\n"};

constexpr int64_t kLatest = -1, kEarliest = -2, kMaxTimestamp = -3;

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// The topics whose names match `pattern`, and their partitions from `first` to `end` (exclusive).
struct Choice {
  std::string pattern;
  int64_t first = 0, end = INT64_MAX;
};

// Parses "orders:0", "orders:0-3" (without 3), "orders:2-", "orders" or ":0".
Result<Choice> parse_choice(const std::string& text) {
  Choice choice;
  const size_t colon = text.rfind(':');
  choice.pattern = text.substr(0, colon);
  if (choice.pattern.empty()) choice.pattern = ".*";
  if (colon == text.npos) return choice;
  const std::string range = text.substr(colon + 1);
  if (range.empty()) return choice;
  const size_t dash = range.find('-');
  const auto number = [&](const std::string& digits) -> Result<int64_t> {
    const auto parsed = parse_number(digits, 0, INT32_MAX);
    if (!parsed) return wrong_usage(fmt::format("Invalid rule expression {}", text));
    return parsed;
  };
  if (dash == range.npos) {
    choice.first = TRY(number(range));
    choice.end = choice.first + 1;
    return choice;
  }
  if (dash > 0) choice.first = TRY(number(range.substr(0, dash)));
  if (dash + 1 < range.size()) choice.end = TRY(number(range.substr(dash + 1)));
  return choice;
}

Result<std::vector<Choice>> choices(const Flags& flags) {
  std::vector<Choice> all;
  if (flags.has("topic-partitions")) {
    if (flags.has("topic") || flags.has("partitions"))
      return wrong_usage("--topic-partitions cannot be used with --topic or --partitions");
    for (const std::string& part : split(flags.text("topic-partitions")))
      all.push_back(TRY(parse_choice(part)));
    return all;
  }
  const std::string pattern = flags.text("topic", ".*");
  if (!flags.has("partitions")) return std::vector{Choice{pattern}};
  for (const std::string& part : split(flags.text("partitions"))) {
    const auto index = parse_number(part, 0, INT32_MAX);
    if (!index)
      return wrong_usage("--partitions expects a comma separated list of numeric partition ids");
    all.push_back({pattern, *index, *index + 1});
  }
  return all;
}

Result<int64_t> parse_time(const std::string& text) {
  if (text == "latest" || text == "-1") return kLatest;
  if (text == "earliest" || text == "-2") return kEarliest;
  if (text == "max-timestamp" || text == "-3") return kMaxTimestamp;
  for (const char* of_tiers : {"earliest-local", "-4", "latest-tiered", "-5"})
    if (text == of_tiers)
      return wrong_usage(
          fmt::format("--time {} is about tiered storage, which the server does not have; "
                      "use earliest or latest",
                      text));
  const auto time = parse_number(text, 0, INT64_MAX);
  if (time) return *time;
  return wrong_usage(
      fmt::format("Malformed time argument {}, please use -1 or latest / -2 or earliest / -3 or "
                  "max-timestamp / or a specified long format timestamp",
                  text));
}

void say_left_out(const TopicDescription& topic, PartitionId partition, std::string_view why) {
  fmt::print(stderr, "Skip getting offsets for topic-partition {}-{} due to error: {}\n",
             topic.name, partition.value(), why);
}

// Removes partitions without a leader, whose offsets cannot be read. Like Kafka's tool, it prints these partitions,
// and the command continues.
void leave_out_leaderless(TopicDescription& topic) {
  std::erase_if(topic.partitions, [&](const PartitionDescription& partition) {
    if (partition.leader) return false;
    say_left_out(topic, partition.id, "it has no leader");
    return true;
  });
}

Status print_offsets(Connection& connection, const TopicDescription& topic, int64_t time) {
  std::vector<int64_t> at_time;
  if (time >= 0) at_time = TRY(offsets_at_time(connection, topic, time));
  for (size_t i = 0; i < topic.partitions.size(); ++i) {
    int64_t offset = 0;
    if (time >= 0) {
      // A negative number means that no record is that recent. Kafka's tool prints no line for the
      // partition then.
      if (at_time[i] < 0) continue;
      offset = at_time[i];
    } else {
      const auto range = offset_range(connection, topic.name, topic.partitions[i].id);
      if (!range && range.error().code == ErrorCode::NetworkFailure) return range.error();
      if (!range) {
        say_left_out(topic, topic.partitions[i].id, range.error().message);
        continue;
      }
      offset = time == kLatest ? range->end_offset.value() : range->first_offset.value();
    }
    fmt::print("{}:{}:{}\n", topic.name, topic.partitions[i].id.value(), offset);
  }
  return {};
}

// Prints for each partition the offset of the record with the greatest timestamp. As in Kafka's
// tool, an empty partition has no line.
Status print_newest(NodeConnections& nodes, const TopicDescription& topic) {
  for (const PartitionDescription& partition : topic.partitions) {
    const auto offset = offset_of_newest(nodes, {topic.name, partition.id.value()});
    if (!offset && offset.error().code == ErrorCode::NetworkFailure) return offset.error();
    if (!offset)
      say_left_out(topic, partition.id, offset.error().message);
    else if (*offset)
      fmt::print("{}:{}:{}\n", topic.name, partition.id.value(), **offset);
  }
  return {};
}

Status run(const Flags& flags) {
  const int64_t time = TRY(parse_time(flags.text("time", "latest")));
  const std::vector<Choice> chosen = TRY(choices(flags));
  Properties properties;
  if (flags.has("command-config"))
    properties = TRY(read_properties_file(flags.text("command-config")));
  Connection connection =
      TRY(Connection::open(RD_KAFKA_PRODUCER, {bootstrap_server(flags), properties}, {}));
  std::vector<TopicDescription> all = TRY(connection.topics());
  if (flags.has("exclude-internal-topics"))
    std::erase_if(all, [](const TopicDescription& topic) { return topic.name.starts_with("__"); });
  std::map<std::string, TopicDescription> wanted;
  for (const Choice& choice : chosen)
    for (const TopicDescription& topic : TRY(matching(all, choice.pattern))) {
      TopicDescription& some = wanted[topic.name];
      some.name = topic.name;
      for (const PartitionDescription& partition : topic.partitions)
        if (partition.id.value() >= choice.first && partition.id.value() < choice.end &&
            !std::ranges::count(some.partitions, partition.id, &PartitionDescription::id))
          some.partitions.push_back(partition);
    }
  std::erase_if(wanted, [](const auto& topic) { return topic.second.partitions.empty(); });
  if (wanted.empty())
    return wrong_usage("Could not match any topic-partitions with the specified filters");
  std::optional<NodeConnections> nodes;
  if (time == kMaxTimestamp)
    nodes = TRY(NodeConnections::open(bootstrap_server(flags), properties));
  for (auto& [name, topic] : wanted) {
    std::ranges::sort(topic.partitions, {}, &PartitionDescription::id);
    leave_out_leaderless(topic);
    if (topic.partitions.empty()) continue;
    TRY(nodes ? print_newest(*nodes, topic) : print_offsets(connection, topic, time));
  }
  return {};
}

}  // namespace

int run_kafka_get_offsets(int argc, const char* const* argv) {
  const auto flags = Flags::parse(kFlags, std::span(argv, static_cast<size_t>(argc)).subspan(1), 0);
  if (!flags) return report(flags.error());
  if (const auto status = tell_of_tool(*flags, argc, kHelp, kFlags)) return *status;
  if (!flags->has(kBootstrapFlag.name))
    return report(wrong_usage("Missing required option(s) [bootstrap-server]"));
  const Status done = run(*flags);
  if (done) return 0;
  fmt::print(stderr, "Error occurred: {}\n", done.error().message);
  return kFailed;
}

}  // namespace client
