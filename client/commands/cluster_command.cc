// millrace cluster: shows the nodes of a cluster, and moves replicas between them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>

#include "client/admin/cluster_admin.h"
#include "client/admin/replica_plan.h"
#include "client/command_line.h"
#include "client/commands.h"
#include "client/misplaced_action.h"
#include "client/security.h"
#include "client/table.h"

namespace client {

namespace {

constexpr Flag kDryRunFlag{.name = "dry-run", .doc = "Show the moves without making them"};
constexpr Flag kTimeoutFlag{.name = "timeout",
                            .argument = "SECONDS",
                            .doc = "Maximum time to wait for moves of replicas [600]"};
constexpr Flag kReplicasFlag{
    .name = "replicas",
    .argument = "NUMBER",
    .doc = "First raise the number of replicas of each partition, including internal topics"};
constexpr Flag kStatusFlags[] = {kBootstrapFlag, kCommandConfigFlag, kCommandPropertyFlag,
                                 kHelpFlag};
constexpr Flag kMoveFlags[] = {kBootstrapFlag, kCommandConfigFlag, kCommandPropertyFlag,
                               kDryRunFlag,    kTimeoutFlag,       kHelpFlag};
constexpr Flag kSpreadFlags[] = {kBootstrapFlag, kCommandConfigFlag, kCommandPropertyFlag,
                                 kReplicasFlag,  kDryRunFlag,        kTimeoutFlag,
                                 kHelpFlag};

bool has(const NodeNumbers& nodes, int32_t node) {
  return std::ranges::find(nodes, node) != nodes.end();
}

// --- status

// Returns how many commands of the metadata log the node has not read yet; empty if this is not
// known.
std::string metadata_behind(const Result<MetadataLogListing>& log, int32_t id) {
  if (!log) return "";
  const auto reader = log->readers.find(id);
  if (reader == log->readers.end() || reader->second.read < 0) return "";
  return fmt::to_string(std::max<int64_t>(log->end - reader->second.read, 0));
}

std::vector<std::string> row_of(const ClusterListing& cluster, int32_t id,
                                const ClusterNodeListing* node,
                                const Result<MetadataLogListing>& log) {
  size_t leads = 0, replicas = 0, behind = 0;
  for (const auto& [partition, known] : cluster.partitions) {
    leads += known.leader == id ? 1 : 0;
    if (!has(known.replicas, id)) continue;
    ++replicas;
    behind += has(known.in_sync, id) ? 0 : 1;
  }
  return {fmt::to_string(id),
          node == nullptr            ? "away"
          : id == cluster.controller ? "controller"
                                     : "there",
          node == nullptr ? "" : fmt::format("{}:{}", node->host, node->port),
          node == nullptr ? "" : node->rack,
          fmt::to_string(leads),
          fmt::to_string(replicas),
          fmt::to_string(behind),
          metadata_behind(log, id)};
}

Status status(ClusterAdmin& admin, const Flags&) {
  const ClusterListing cluster = TRY(admin.describe());
  std::map<int32_t, const ClusterNodeListing*> nodes;
  for (const ClusterNodeListing& node : cluster.nodes) nodes[node.id] = &node;
  // Nodes that are not running are missing in cluster.nodes, so they are added from the replicas of
  // the partitions.
  for (const auto& [partition, known] : cluster.partitions)
    for (const int32_t id : known.replicas) nodes.try_emplace(id, nullptr);
  std::vector<std::vector<std::string>> rows;
  const auto log = admin.metadata_log();
  for (const auto& [id, node] : nodes) rows.push_back(row_of(cluster, id, node, log));
  using enum Column::Align;
  fmt::print("{}", format_table({{"node", Right},
                                 {"state"},
                                 {"clients"},
                                 {"rack"},
                                 {"leads", Right},
                                 {"replicas", Right},
                                 {"not in sync", Right},
                                 {"metadata behind", Right}},
                                rows));
  const auto without_leader = std::ranges::count_if(
      cluster.partitions, [](const auto& each) { return each.second.leader < 0; });
  const size_t moving = TRY(admin.moving()).size();
  fmt::print("\n{} partitions, {} without a leader, {} moving\n", cluster.partitions.size(),
             without_leader, moving);
  const FeatureLevelListing level = TRY(admin.feature_level());
  if (level.now < level.newest)
    fmt::print("feature level {}; node programs know {}, see: millrace cluster upgrade --help\n",
               level.now, level.newest);
  return {};
}

// --- upgrade

Status upgrade(ClusterAdmin& admin, const Flags&) {
  const FeatureLevelListing level = TRY(admin.feature_level());
  if (level.newest == 0)
    return Error{ErrorCode::NotSupported,
                 "the server is not part of a cluster and has no feature level"};
  if (level.now >= level.newest) {
    fmt::print("The cluster is at feature level {}, the newest level that the node supports.\n",
               level.now);
    return {};
  }
  TRY(admin.raise_feature_level(level.newest));
  fmt::print(
      "The cluster is now at feature level {}; it was at {}. Earlier programs can no longer join "
      "it.\n",
      level.newest, level.now);
  return {};
}

// --- Moving

void print_plan(const ClusterListing& cluster, const ReplicaPlan& plan) {
  for (const auto& [partition, replicas] : plan)
    fmt::print("{}: {} -> {}\n", name_of(partition),
               fmt::join(cluster.partitions.at(partition).replicas, ","), fmt::join(replicas, ","));
}

Status wait_until_moved(ClusterAdmin& admin, const ReplicaPlan& plan, int64_t timeout_s) {
  constexpr auto kPause = std::chrono::milliseconds(200);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(timeout_s);
  size_t printed = SIZE_MAX;
  while (true) {
    const auto moving = TRY(admin.moving());
    const auto left = static_cast<size_t>(
        std::ranges::count_if(plan, [&](const auto& each) { return moving.contains(each.first); }));
    if (left == 0) return {};
    if (left != std::exchange(printed, left))
      fmt::print("{} of {} partitions are still moving\n", left, plan.size());
    std::fflush(stdout);
    if (std::chrono::steady_clock::now() > end)
      return Error{ErrorCode::ReadTimeout,
                   fmt::format("{} partitions are still moving after {} s", left, timeout_s),
                   {},
                   "The moves continue. Check them later with kafka-reassign-partitions --list."};
    std::this_thread::sleep_for(kPause);
  }
}

// Executes the plan, and waits until all replicas have moved. With --dry-run only prints the plan,
// and returns false.
Result<bool> run_plan(ClusterAdmin& admin, const Flags& flags, const ClusterListing& cluster,
                      const ReplicaPlan& plan) {
  const int64_t timeout_s = TRY(flags.number("timeout", 600, 1, 1'000'000));
  print_plan(cluster, plan);
  if (flags.has("dry-run")) return false;
  if (plan.empty()) return true;
  const ClusterAdmin::Moves moves(plan.begin(), plan.end());
  for (const auto& [partition, refusal] : TRY(admin.move(moves)))
    if (refusal.code != 0)
      return wrong_usage(
          fmt::format("partition {} is not moved: {}", name_of(partition), refusal.message));
  TRY(wait_until_moved(admin, plan, timeout_s));
  return true;
}

// Raises the number of replicas if the flag kReplicasFlag is given. Returns false if the moves were
// only printed (--dry-run): further moves depend on them, and cannot be planned.
Result<bool> widen(ClusterAdmin& admin, const Flags& flags) {
  const int64_t replicas = TRY(flags.number(kReplicasFlag.name, 0, 1, INT16_MAX));
  if (replicas == 0) return true;
  const ClusterListing cluster = TRY(admin.describe());
  const ReplicaPlan plan = TRY(plan_wider(cluster, static_cast<size_t>(replicas)));
  if (plan.empty()) return true;
  return run_plan(admin, flags, cluster, plan);
}

Status balance(ClusterAdmin& admin, const Flags& flags, std::optional<int32_t> newcomer) {
  if (!TRY(widen(admin, flags))) return {};
  const ClusterListing cluster = TRY(admin.describe());
  const ReplicaPlan plan = newcomer ? plan_share_of(cluster, *newcomer) : plan_balanced(cluster);
  if (plan.empty()) fmt::print("Replicas are spread evenly.\n");
  if (!TRY(run_plan(admin, flags, cluster, plan))) return {};
  TRY(admin.elect(ElectionType::Preferred, std::nullopt));
  return {};
}

Status rebalance(ClusterAdmin& admin, const Flags& flags) {
  return balance(admin, flags, std::nullopt);
}

Result<int32_t> node_of(const Flags& flags) {
  if (flags.words().empty())
    return wrong_usage("the id of a node is missing",
                       "It follows the action. millrace cluster status "
                       "lists the nodes.");
  const auto node = parse_number(flags.words().front(), 0, INT32_MAX);
  if (!node) return wrong_usage(fmt::format("\"{}\" is not a node id", flags.words().front()));
  return static_cast<int32_t>(*node);
}

Status add(ClusterAdmin& admin, const Flags& flags) {
  constexpr auto kPause = std::chrono::milliseconds(200);
  const int32_t node = TRY(node_of(flags));
  const auto is_there = [&](const ClusterListing& cluster) {
    return std::ranges::find(cluster.nodes, node, &ClusterNodeListing::id) != cluster.nodes.end();
  };
  constexpr int kPatienceS = 30;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(kPatienceS);
  while (!is_there(TRY(admin.describe()))) {
    if (std::chrono::steady_clock::now() > end)
      return Error{ErrorCode::UndefinedObject,
                   fmt::format("node {} is not available after {} s", node, kPatienceS),
                   {},
                   fmt::format("Start it: millrace server --cluster NAME --node-id {} ...", node)};
    std::this_thread::sleep_for(kPause);
  }
  return balance(admin, flags, node);
}

Status remove(ClusterAdmin& admin, const Flags& flags) {
  const int32_t node = TRY(node_of(flags));
  const ClusterListing cluster = TRY(admin.describe());
  const ReplicaPlan plan = TRY(plan_without(cluster, node));
  if (!TRY(run_plan(admin, flags, cluster, plan))) return {};
  TRY(admin.unregister(node));
  fmt::print(
      "Node {} is no longer part of the cluster; stop it if it runs.\nIf it runs a member of etcd "
      "(--etcd start), that member stops with it but still counts: of three members, neither of "
      "the other two may stop then. Replace it first: docs/CLUSTER.md, \"Members of etcd\".\n",
      node);
  return {};
}

struct Action {
  std::string_view name;
  std::span<const Flag> flags;
  size_t words;
  Help help;
  Status (*run)(ClusterAdmin& admin, const Flags& flags);
};
const Action kActions[] = {
    {"status",
     kStatusFlags,
     0,
     {"millrace cluster status [OPTIONS]",
      "Shows the nodes, their partitions, and the replicas that lag."},
     status},
    {"add",
     kSpreadFlags,
     1,
     {"millrace cluster add NODE [OPTIONS]",
      "Waits for a node that was started, and moves its share of the replicas to it."},
     add},
    {"remove",
     kMoveFlags,
     1,
     {"millrace cluster remove NODE [OPTIONS]",
      "Moves all replicas of a node to other nodes, and removes it from the cluster."},
     remove},
    {"rebalance",
     kSpreadFlags,
     0,
     {"millrace cluster rebalance [OPTIONS]",
      "Spreads replicas and leaders evenly, with as few moves as possible."},
     rebalance},
    {"upgrade",
     kStatusFlags,
     0,
     {"millrace cluster upgrade [OPTIONS]",
      "Enables the features of a newer program when all nodes run it."},
     upgrade},
};

void print_actions() {
  fmt::print(
      "Works on the nodes of a cluster.\n\nUsage: millrace cluster ACTION [OPTIONS]\n\nActions:\n");
  for (const Action& action : kActions)
    fmt::print("  {:<10} {}\n", action.name, action.help.summary);
  // kActions does not contain `join`, because main() passes it to the server's part of the program.
  fmt::print("  {:<10} {}\n", "join",
             "Makes a stopped server's data directory the first node of a cluster.");
  fmt::print(
      "\nAfter an action, --help shows its options.\n\nExamples:\n"
      "  millrace cluster join --data-dir ./data --cluster blue --node-id 1 --etcd "
      "http://127.0.0.1:2379\n"
      "  millrace cluster status -b node1:9092\n"
      "  millrace cluster add 3 -b node1:9092 --replicas 3\n"
      "  millrace cluster remove 3 -b node1:9092 --dry-run\n");
}

}  // namespace

int run_cluster_command(int argc, const char* const* argv) {
  const std::string_view name = argc > 1 ? argv[1] : "";
  if (name == "--help" || name == "-h") {
    print_actions();
    return 0;
  }
  const auto* action = std::ranges::find(kActions, name, &Action::name);
  if (action == std::end(kActions)) {
    std::vector<std::string> names;
    for (const Action& each : kActions) names.emplace_back(each.name);
    names.emplace_back("join");
    if (argc > 1)
      if (const auto status = report_misplaced_action(
              "millrace cluster", std::span(argv, static_cast<size_t>(argc)).subspan(1), names))
        return *status;
    return report_unknown_action("millrace cluster", name, std::move(names));
  }
  const auto flags = Flags::parse(
      action->flags, std::span(argv, static_cast<size_t>(argc)).subspan(2), action->words);
  if (!flags) return report(flags.error(), kUsageError);
  if (flags->has(kHelpFlag.name)) {
    print_help(action->help, action->flags);
    return 0;
  }
  const auto properties = connection_properties(*flags);
  if (!properties) return report(properties.error());
  auto admin = ClusterAdmin::open(bootstrap_server(*flags), *properties);
  if (!admin) return report(admin.error());
  const Status done = action->run(*admin, *flags);
  return done ? 0 : report(done.error());
}

}  // namespace client
