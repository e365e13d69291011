// kafka-reassign-partitions: the flags, words and exit statuses of Apache Kafka's tool.
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
    {.name = "additional", .doc = "execute: in addition to reassignments in progress"},
    kBootstrapFlag,
    {.name = "broker-list", .argument = "LIST", .doc = "generate: the brokers, like \"0,1,2\""},
    {.name = "cancel", .doc = "Cancel an active reassignment"},
    kCommandConfigFlag,
    {.name = "disable-rack-aware", .doc = "generate: ignore racks"},
    {.name = "disallow-replication-factor-change",
     .doc = "execute: reject a change of the number of replicas"},
    {.name = "execute", .doc = "Kick off the reassignment of --reassignment-json-file"},
    {.name = "generate", .doc = "Show a candidate of a reassignment"},
    {.name = "list", .doc = "List all active partition reassignments"},
    {.name = "preserve-throttles", .doc = "verify, cancel: keep throttles"},
    {.name = "reassignment-json-file", .argument = "FILE", .doc = "The reassignment"},
    {.name = "replica-alter-log-dirs-throttle", .argument = "N"},
    {.name = "throttle",
     .argument = "BYTES",
     .doc = "execute: limit of the traffic of moved replicas, in bytes per second on each broker"},
    {.name = "timeout", .argument = "MS"},
    {.name = "topics-to-move-json-file", .argument = "FILE", .doc = "generate: the topics"},
    {.name = "verify", .doc = "Report whether the reassignment is completed"},
    {.name = "version"},
    kHelpFlag};

constexpr Help kHelp{
    "kafka-reassign-partitions --bootstrap-server HOST:PORT ACTION [OPTIONS]",
    "This tool helps to move topic partitions between replicas. Actions: --generate, --execute, "
    "--verify, --list, --cancel.",
    "  kafka-reassign-partitions --bootstrap-server localhost:9092 --list\n"
    "  kafka-reassign-partitions --bootstrap-server localhost:9092 --execute \\\n"
    "    --reassignment-json-file moves.json --throttle 10000000\n"};

constexpr std::string_view kLeaderRate = "leader.replication.throttled.rate",
                           kFollowerRate = "follower.replication.throttled.rate";

template <class Plan>
std::string names_of(const Plan& plan) {
  std::vector<std::string> names;
  for (const auto& [partition, _] : plan) names.push_back(name_of(partition));
  return fmt::format("{}", fmt::join(names, ","));
}

Result<ReplicaPlan> read_plan(const Flags& flags) {
  const std::string text = TRY(read_text_file(flags.text("reassignment-json-file")));
  return parse_reassignments(text);
}

// Returns the current replicas of the partitions in the plan. Fails if a partition does not exist.
Result<ReplicaPlan> current(const ClusterListing& cluster, const ReplicaPlan& plan) {
  ReplicaPlan now;
  for (const auto& [partition, _] : plan) {
    const auto known = cluster.partitions.find(partition);
    if (known == cluster.partitions.end())
      return wrong_usage(
          fmt::format("Error: The proposed assignment contains non-existent partitions: {}",
                      name_of(partition)));
    now[partition] = known->second.replicas;
  }
  return now;
}

Status throttle(ClusterAdmin& admin, const ClusterListing& cluster, const std::string& rate) {
  for (const ClusterNodeListing& node : cluster.nodes)
    TRY(admin.configure(ClusterAdmin::Resource::Broker, fmt::to_string(node.id),
                        {{std::string(kLeaderRate), rate}, {std::string(kFollowerRate), rate}}));
  return {};
}

Status clear_throttles(ClusterAdmin& admin, const Flags& flags) {
  if (flags.has("preserve-throttles")) return {};
  const ClusterListing cluster = TRY(admin.describe());
  std::vector<int32_t> nodes;
  for (const ClusterNodeListing& node : cluster.nodes) nodes.push_back(node.id);
  fmt::print("\nClearing broker-level throttles on broker{} {}\n", nodes.size() == 1 ? "" : "s",
             fmt::join(nodes, ","));
  return throttle(admin, cluster, "");
}

Status list(ClusterAdmin& admin, const Flags&) {
  const auto moving = TRY(admin.moving());
  if (moving.empty()) {
    fmt::print("No partition reassignments found.\n");
    return {};
  }
  fmt::print("Current partition reassignments:\n");
  for (const auto& [partition, each] : moving) {
    fmt::print("{}: replicas: {}.", name_of(partition), fmt::join(each.replicas, ","));
    if (!each.adding.empty()) fmt::print(" adding: {}.", fmt::join(each.adding, ","));
    if (!each.removing.empty()) fmt::print(" removing: {}.", fmt::join(each.removing, ","));
    fmt::print("\n");
  }
  return {};
}

Status generate(ClusterAdmin& admin, const Flags& flags) {
  const std::string text = TRY(read_text_file(flags.text("topics-to-move-json-file")));
  const auto topics = TRY(parse_topics_to_move(text));
  const auto nodes = TRY(parse_node_list(flags.text("broker-list")));
  ClusterListing cluster = TRY(admin.describe());
  if (flags.has("disable-rack-aware"))
    for (ClusterNodeListing& node : cluster.nodes) node.rack.clear();
  for (const std::string& topic : topics)
    if (!cluster.partitions.contains({topic, 0}))
      return wrong_usage(fmt::format("Topic {} does not exist", topic));
  const ReplicaPlan proposed = TRY(plan_generated(cluster, topics, nodes));
  const ReplicaPlan now = TRY(current(cluster, proposed));
  fmt::print("Current partition replica assignment\n{}\n\n", to_json(now));
  fmt::print("Proposed partition reassignment configuration\n{}\n", to_json(proposed));
  return {};
}

Status report_refusals(const ClusterAdmin::Refusals& refusals, std::string_view what) {
  std::string message;
  for (const auto& [partition, refusal] : refusals)
    if (refusal.code != 0) message += fmt::format("\n{}: {}", name_of(partition), refusal.message);
  if (message.empty()) return {};
  return wrong_usage(fmt::format("{}{}", what, message));
}

Status execute(ClusterAdmin& admin, const Flags& flags) {
  const ReplicaPlan plan = TRY(read_plan(flags));
  if (!flags.has("additional") && !TRY(admin.moving()).empty())
    return wrong_usage(
        "Cannot execute because there is an existing partition assignment.  Use --additional to "
        "override this and create a new partition assignment in addition to the existing one. The "
        "--additional flag can also be used to change the throttle by resubmitting the current "
        "reassignment.");
  const ClusterListing cluster = TRY(admin.describe());
  const ReplicaPlan before = TRY(current(cluster, plan));
  if (flags.has("disallow-replication-factor-change"))
    for (const auto& [partition, replicas] : plan)
      if (replicas.size() != before.at(partition).size())
        return wrong_usage(fmt::format("{}: the replication factor would change from {} to {}",
                                       name_of(partition), before.at(partition).size(),
                                       replicas.size()));
  fmt::print("Current partition replica assignment\n\n{}\n\n", to_json(before));
  fmt::print("Save this to use as the --reassignment-json-file option during rollback\n");
  if (flags.has("throttle")) {
    const int64_t rate = TRY(flags.number("throttle", -1, 1, INT64_MAX));
    TRY(throttle(admin, cluster, fmt::to_string(rate)));
    fmt::print(
        "Warning: You must run --verify periodically, until the reassignment completes, to "
        "ensure the throttle is removed.\n"
        "The inter-broker throttle limit was set to {} B/s\n",
        rate);
  }
  const ClusterAdmin::Moves moves(plan.begin(), plan.end());
  const ClusterAdmin::Refusals refusals = TRY(admin.move(moves));
  TRY(report_refusals(refusals, "Error reassigning partition(s):"));
  fmt::print("Successfully started partition reassignment{} for {}\n", plan.size() == 1 ? "" : "s",
             names_of(plan));
  return {};
}

Status verify(ClusterAdmin& admin, const Flags& flags) {
  const ReplicaPlan plan = TRY(read_plan(flags));
  const auto moving = TRY(admin.moving());
  const ClusterListing cluster = TRY(admin.describe());
  fmt::print("Status of partition reassignment:\n");
  bool is_done = true;
  for (const auto& [partition, replicas] : plan) {
    const auto known = cluster.partitions.find(partition);
    if (moving.contains(partition)) {
      is_done = false;
      fmt::print("Reassignment of partition {} is still in progress.\n", name_of(partition));
    } else if (known != cluster.partitions.end() && known->second.replicas == replicas) {
      fmt::print("Reassignment of partition {} is completed.\n", name_of(partition));
    } else {
      fmt::print(
          "There is no active reassignment of partition {}, but replica set is {} rather "
          "than {}.\n",
          name_of(partition),
          known != cluster.partitions.end()
              ? fmt::format("{}", fmt::join(known->second.replicas, ","))
              : std::string(),
          fmt::join(replicas, ","));
    }
  }
  return is_done && moving.empty() ? clear_throttles(admin, flags) : Status();
}

Status cancel(ClusterAdmin& admin, const Flags& flags) {
  const ReplicaPlan plan = TRY(read_plan(flags));
  const auto moving = TRY(admin.moving());
  ClusterAdmin::Moves moves;
  for (const auto& [partition, _] : plan)
    if (moving.contains(partition)) moves[partition] = std::nullopt;
  if (moves.empty()) {
    fmt::print("None of the specified partition moves are active.\n");
    return clear_throttles(admin, flags);
  }
  const ClusterAdmin::Refusals refusals = TRY(admin.move(moves));
  TRY(report_refusals(refusals, "Error cancelling partition reassignment(s) for:"));
  fmt::print("Successfully cancelled partition reassignment{} for: {}\n",
             moves.size() == 1 ? "" : "s", names_of(moves));
  return clear_throttles(admin, flags);
}

struct Action {
  std::string_view flag;
  std::vector<std::string_view> required;
  Status (*run)(ClusterAdmin& admin, const Flags& flags);
};
const Action kActions[] = {{"verify", {"reassignment-json-file"}, verify},
                           {"generate", {"topics-to-move-json-file", "broker-list"}, generate},
                           {"execute", {"reassignment-json-file"}, execute},
                           {"cancel", {"reassignment-json-file"}, cancel},
                           {"list", {}, list}};

Result<const Action*> choose_action(const Flags& flags) {
  const Action* chosen = nullptr;
  int count = 0;
  for (const Action& action : kActions)
    if (flags.has(action.flag)) {
      chosen = &action;
      ++count;
    }
  if (count != 1)
    return wrong_usage(
        "Command must include exactly one action: --generate, --execute, --verify, --list or "
        "--cancel");
  if (!flags.has(kBootstrapFlag.name)) return wrong_usage("Please specify --bootstrap-server");
  for (const std::string_view name : chosen->required)
    if (!flags.has(name))
      return wrong_usage(fmt::format("Missing required argument \"[{}]\"", name));
  if (flags.has("replica-alter-log-dirs-throttle"))
    return wrong_usage(
        "--replica-alter-log-dirs-throttle is not supported: a node has one directory");
  return chosen;
}

}  // namespace

int run_kafka_reassign_partitions(int argc, const char* const* argv) {
  const auto flags = Flags::parse(kFlags, std::span(argv, static_cast<size_t>(argc)).subspan(1), 0);
  if (!flags) return report(flags.error());
  if (const auto status = tell_of_tool(*flags, argc, kHelp, kFlags)) return *status;
  const auto action = choose_action(*flags);
  if (!action) return report(action.error());
  const auto properties = connection_properties(*flags);
  if (!properties) return report(properties.error());
  auto admin = ClusterAdmin::open(bootstrap_server(*flags), *properties);
  if (!admin) return report(admin.error());
  const Status done = (*action)->run(*admin, *flags);
  return done ? 0 : report(done.error());
}

}  // namespace client
