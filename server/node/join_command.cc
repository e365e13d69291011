#include "server/node/join_command.h"

#include <fmt/format.h>

#include <cstdio>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "server/join/first_node.h"
#include "server/node/etcd_settings.h"
#include "server/node/settings.h"
#include "storage/kv/bus_error.h"

namespace server {

namespace {

constexpr int kFailed = 1, kJoinUsageError = 2;

void print_help() {
  fmt::print(
      "Makes the data directory of a stopped server the first node of a cluster, with everything "
      "in it.\n\n"
      "Usage: millrace cluster join --data-dir PATH --cluster NAME --node-id N --etcd URL,...\n\n"
      "Options:\n"
      "  --data-dir PATH   directory of the log and the state, which no server is using\n"
      "  --cluster NAME    name of the new cluster, which etcd does not have yet\n"
      "  --node-id N       permanent number of the node that the server becomes\n"
      "  --etcd URL,...    a running etcd\n"
      "  --config FILE     a TOML file with settings\n"
      "The command also accepts all other flags and variables of `millrace server`, and ignores "
      "them: pass the same ones as to the server.\n\n"
      "The command can be repeated after an interruption. If the server has objects that a cluster "
      "does not support, the command lists them and changes nothing.\n\n"
      "Example:\n"
      "  millrace cluster join --data-dir ./data --cluster blue --node-id 1 --etcd "
      "http://127.0.0.1:2379\n");
}

int report(const Error& error, int status) {
  fmt::print(stderr, "error: {}\n", error.message);
  if (!error.detail.empty()) fmt::print(stderr, "detail: {}\n", error.detail);
  if (!error.hint.empty()) fmt::print(stderr, "hint: {}\n", error.hint);
  return status;
}

Error wrong(std::string message, std::string hint) {
  return {ErrorCode::InvalidParameter, std::move(message), {}, std::move(hint)};
}

void print_joined(const NodeSettings& settings, const Joined& joined) {
  const NodeSettings::Cluster& cluster = settings.cluster;
  if (joined.was_joined) {
    fmt::print("{} is already the data directory of node {} of cluster \"{}\".\n",
               settings.data_dir, cluster.node_id, cluster.id);
  } else {
    if (joined.went_on) fmt::print("A join that was started before has finished.\n");
    fmt::print(
        "Node {} of cluster \"{}\" has all data of the server: {} topics with {} partitions, {} "
        "queries.\n",
        cluster.node_id, cluster.id, joined.topics, joined.partitions, joined.queries);
  }
  const std::string rest = fmt::format("--etcd {}", cluster.etcd);
  fmt::print(
      "\nStart it as that node, with its other flags unchanged, and --nodes HOST:PORT for the "
      "other nodes:\n  millrace server --data-dir {} --cluster {} --node-id {} {} ...\nThen start "
      "other nodes with empty data directories:\n  millrace server --data-dir PATH --cluster {} "
      "--node-id N {} ...\nThen give them replicas of the present partitions:\n  millrace cluster "
      "add N -b HOST:PORT --replicas 3\n",
      settings.data_dir, cluster.id, cluster.node_id, rest, cluster.id, rest);
}

}  // namespace

int run_join_command(int argc, const char* const* argv) {
  for (int i = 1; i < argc; ++i)
    if (const std::string_view flag = argv[i]; flag == "--help" || flag == "-h") {
      print_help();
      return 0;
    }
  const ServerArguments arguments = read_server_arguments(argc, argv);
  if (arguments.is_over) return arguments.exit_code;
  const NodeSettings& settings = arguments.settings;
  if (settings.cluster.id.empty())
    return report(wrong("which cluster?",
                        "Use --cluster NAME --node-id N --etcd URL,...; see millrace cluster join "
                        "--help"),
                  kJoinUsageError);
  if (starts_etcd(settings))
    return report(wrong("join requires a running etcd",
                        "Name it with --etcd URL,... An etcd that the nodes start themselves needs "
                        "most of them running, and then the cluster would exist already."),
                  kJoinUsageError);
  set_log_level(LogLevel::Warn);
  storage::report_bus_errors();  // reports a damaged page as an error
  const auto joined =
      join_as_first_node({settings.data_dir, settings.cluster.id, NodeId{settings.cluster.node_id},
                          etcd_endpoints(settings)});
  if (!joined) return report(joined.error(), kFailed);
  print_joined(settings, *joined);
  return 0;
}

}  // namespace server
