// kafka-leader-election: the flags, words and exit statuses of Apache Kafka's tool.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "client/admin/cluster_admin.h"
#include "client/admin/reassignment_file.h"
#include "client/command_line.h"
#include "client/commands.h"
#include "client/security.h"

namespace client {

namespace {

constexpr Flag kFlags[] = {
    {.name = "admin.config", .argument = "FILE"},
    kCommandConfigFlag,
    {.name = "all-topic-partitions", .doc = "For all partitions that are eligible"},
    kBootstrapFlag,
    {.name = "election-type",
     .argument = "TYPE",
     .doc = "preferred, or unclean: any available replica for partitions without a leader, "
            "although records can be lost"},
    {.name = "partition", .argument = "N", .doc = "The partition of --topic"},
    {.name = "path-to-json-file",
     .argument = "FILE",
     .doc = "{\"partitions\": [{\"topic\": \"a\", \"partition\": 0}]}"},
    {.name = "topic", .argument = "TOPIC", .doc = "The topic"},
    {.name = "version"},
    kHelpFlag};

constexpr Help kHelp{
    "kafka-leader-election --bootstrap-server HOST:PORT --election-type TYPE PARTITIONS",
    "This tool attempts to elect a new leader for a set of topic partitions.",
    "  kafka-leader-election --bootstrap-server localhost:9092 --election-type preferred \\\n"
    "    --all-topic-partitions\n"};

constexpr int16_t kElectionNotNeeded = 84;

Result<ElectionType> read_type(const Flags& flags) {
  std::string type = flags.text("election-type");
  std::ranges::transform(type, type.begin(), [](unsigned char c) { return std::tolower(c); });
  if (type == "preferred") return ElectionType::Preferred;
  if (type == "unclean") return ElectionType::Unclean;
  if (type.empty()) return wrong_usage("Missing required argument \"[election-type]\"");
  return wrong_usage(fmt::format("{} is not a type of election: use preferred or unclean", type));
}

// Returns the partitions that the flags name; nullopt for --all-topic-partitions.
Result<std::optional<std::set<TopicPartitionKey>>> read_partitions(const Flags& flags) {
  using Partitions = std::optional<std::set<TopicPartitionKey>>;
  const int given = static_cast<int>(flags.has("topic")) +
                    static_cast<int>(flags.has("all-topic-partitions")) +
                    static_cast<int>(flags.has("path-to-json-file"));
  if (given != 1)
    return wrong_usage(
        "One and only one of the following options is required: topic, all-topic-partitions, "
        "path-to-json-file");
  if (flags.has("topic") != flags.has("partition"))
    return wrong_usage("Missing required option: --topic and --partition go together");
  if (flags.has("all-topic-partitions")) return Partitions();
  if (flags.has("path-to-json-file")) {
    const std::string text = TRY(read_text_file(flags.text("path-to-json-file")));
    return Partitions(TRY(parse_partitions(text)));
  }
  const auto number = static_cast<int32_t>(TRY(flags.number("partition", 0, 0, INT32_MAX)));
  return Partitions({{flags.text("topic"), number}});
}

Status elect(const Flags& flags) {
  const ElectionType type = TRY(read_type(flags));
  const auto partitions = TRY(read_partitions(flags));
  if (!flags.has(kBootstrapFlag.name))
    return wrong_usage("Missing required argument \"[bootstrap-server]\"");
  // --admin.config is the name of this flag before Kafka 4.2, and is still accepted.
  const Properties properties = flags.has("admin.config")
                                    ? TRY(read_properties_file(flags.text("admin.config")))
                                    : TRY(connection_properties(flags));
  ClusterAdmin admin = TRY(ClusterAdmin::open(bootstrap_server(flags), properties));
  const std::string_view type_name = type == ElectionType::Preferred ? "PREFERRED" : "UNCLEAN";
  std::vector<std::string> done, unneeded;
  std::string failed;
  for (const auto& [partition, refusal] : TRY(admin.elect(type, partitions))) {
    if (refusal.code == 0)
      done.push_back(name_of(partition));
    else if (refusal.code == kElectionNotNeeded)
      unneeded.push_back(name_of(partition));
    else
      failed += fmt::format("Error completing leader election ({}) for partition: {}: {}\n",
                            type_name, name_of(partition), refusal.message);
  }
  if (!done.empty())
    fmt::print("Successfully completed leader election ({}) for partitions {}\n", type_name,
               fmt::join(done, ", "));
  if (!unneeded.empty())
    fmt::print("Valid replica already elected for partitions {}\n", fmt::join(unneeded, ", "));
  fmt::print("{}", failed);
  if (failed.empty()) return {};
  return Error{ErrorCode::NotLeader, "not all replicas could be elected"};
}

}  // namespace

int run_kafka_leader_election(int argc, const char* const* argv) {
  const auto flags = Flags::parse(kFlags, std::span(argv, static_cast<size_t>(argc)).subspan(1), 0);
  if (!flags) return report(flags.error());
  if (const auto status = tell_of_tool(*flags, argc, kHelp, kFlags)) return *status;
  const Status done = elect(*flags);
  return done ? 0 : report(done.error());
}

}  // namespace client
