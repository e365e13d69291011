// The entry point of the program: finds the subcommand and calls it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/suggest.h"
#include "client/commands.h"
#include "engine/testing/command.h"
#include "engine/testing/memory_engine.h"
#include "millrace_commit.h"
#include "server/node/data_commands.h"
#include "server/node/join_command.h"
#include "server/node/node.h"
#include "storage/log/log_format.h"
#include "storage/meta/feature_level.h"
#include "storage/state/position_row.h"
#include "storage/state/state_keys.h"

namespace {

constexpr int kUsageError = 2;

int run_test(int argc, const char* const* argv) {
  return engine::run_test_command(argc, argv, engine::make_memory_engine);
}

// Runs `millrace cluster`. The action `join` works on a data directory; all other actions ask a
// server.
int run_cluster(int argc, const char* const* argv) {
  if (argc > 1 && std::string_view(argv[1]) == "join")
    return server::run_join_command(argc - 1, argv + 1);
  return client::run_cluster_command(argc, argv);
}

struct Subcommand {
  std::string_view name, summary;
  int (*run)(int argc, const char* const* argv);  // argv[0] is the name of the subcommand
};
constexpr Subcommand kSubcommands[] = {
    {"server", "run a server", server::run_server_command},
    {"check", "check all of a data directory and list damage", server::run_check_command},
    {"backup", "copy a data directory, also of a running server", server::run_backup_command},
    {"restore", "make a data directory of a backup", server::run_restore_command},
    {"sql", "run SQL statements from arguments, a file or the terminal", client::run_sql_command},
    {"topic", "list, create, describe, alter and delete topics", client::run_topic_command},
    {"produce", "send lines of text as records", client::run_produce_command},
    {"consume", "print the records of a topic", client::run_consume_command},
    {"group", "list, describe, reset and delete consumer groups", client::run_group_command},
    {"config", "show and change settings of topics, groups and brokers",
     client::run_config_command},
    {"cluster",
     "show the nodes of a cluster, add, drain and balance them; turn a server into the first node",
     run_cluster},
    {"context", "name servers, start and stop those of this machine", client::run_context_command},
    {"confluent", "take the command lines of Confluent's command-line interface",
     client::run_confluent_command},
    {"bench", "measure how fast a server takes and gives records", client::run_bench_command},
    {"test", "run test cases against the engine, in memory", run_test},
};

// Subcommands of other programs, which newcomers type first, and the commands that have their effect here.
struct ForeignWord {
  std::string_view name, remedy;
};
constexpr std::string_view kRunServer = "millrace server runs a server";
constexpr std::string_view kRunSql = "millrace sql runs SQL statements";
constexpr std::string_view kCreateUser =
    "millrace sql -c \"CREATE USER ann PASSWORD '...'\" creates a user";
constexpr std::string_view kGrant =
    "millrace sql -c \"GRANT SELECT ON orders TO ann\" gives a right";
constexpr std::string_view kShowConnectors =
    "millrace sql -c \"SHOW CONNECTORS\" lists the connectors";
constexpr std::string_view kShowServer =
    "millrace sql -c \"SHOW SERVER\" shows the state of the server";
constexpr std::string_view kListTopics =
    "millrace topic list lists the topics, and millrace sql -c \"SHOW TABLES\" the tables";
constexpr std::string_view kStop = "Ctrl-C or the signal SIGTERM ends a server";
constexpr ForeignWord kForeignWords[] = {
    {"start", kRunServer},
    {"run", kRunServer},
    {"serve", kRunServer},
    {"up", kRunServer},
    {"standalone", kRunServer},
    {"stop", kStop},
    {"shutdown", kStop},
    {"init", "millrace server creates its data directory when it starts"},
    {"psql", kRunSql},
    {"ksql", kRunSql},
    {"shell", kRunSql},
    {"query", kRunSql},
    {"user", kCreateUser},
    {"users", kCreateUser},
    {"acl", kGrant},
    {"acls", kGrant},
    {"connect", kShowConnectors},
    {"connector", kShowConnectors},
    {"connectors", kShowConnectors},
    {"streams", "millrace sql -c \"SHOW STREAMS\" lists the streams"},
    {"tables", "millrace sql -c \"SHOW TABLES\" lists the tables"},
    {"status", kShowServer},
    {"info", kShowServer},
    {"kafka-acls", kGrant},
    {"kafka-server-start", kRunServer},
    {"kafka-server-stop", kStop},
    {"kafka-storage", "millrace server creates its data directory when it starts"},
    {"repl", kRunSql},
    {"cli", kRunSql},
    {"console", kRunSql},
    {"login", kRunSql},
    {"list", kListTopics},
    {"ls", kListTopics},
    {"describe",
     "millrace topic describe NAME shows a topic, and millrace sql -c \"DESCRIBE NAME\" "
     "a stream or table"},
    {"create",
     "millrace topic create NAME creates a topic, and millrace sql -c \"CREATE ...\" a "
     "stream or table"},
    {"delete",
     "millrace topic delete NAME deletes a topic, and millrace sql -c \"DROP ...\" a "
     "stream or table"},
    {"schema", "millrace sql -c \"SHOW SCHEMAS\" lists the schemas of topics"},
    {"schemas", "millrace sql -c \"SHOW SCHEMAS\" lists the schemas of topics"},
    {"logs", "millrace server writes its log to the standard error output"},
    {"log", "millrace server writes its log to the standard error output"},
    {"migrate", "a newer millrace server opens the data directory of an older one"},
    {"upgrade", "a newer millrace server opens the data directory of an older one"},
    {"load", "millrace sql -c \"COPY t FROM STDIN CSV HEADER\" < FILE loads a file"},
    {"dump", "millrace backup --to DIR copies a data directory"},
    {"publish", "millrace produce TOPIC < FILE sends the lines of a file"},
    {"send", "millrace produce TOPIC < FILE sends the lines of a file"},
    {"subscribe", "millrace consume TOPIC prints the records of a topic"},
    {"tail", "millrace consume TOPIC prints the records of a topic"},
    {"settings", "millrace config topic NAME shows the settings of a topic"},
    {"nodes", "millrace cluster status lists the nodes"},
    {"lag", "millrace group describe NAME shows the lag of a group"},
    {"import", "millrace sql -c \"COPY t FROM STDIN CSV HEADER\" < FILE loads a file"},
    {"export", "millrace sql -c \"COPY t TO STDOUT CSV HEADER\" > FILE writes a file"},
};

// Names of links to the program, with or without .sh, so that scripts for Apache Kafka run unchanged.
constexpr Subcommand kLinks[] = {
    {"kafka-topics", "", client::run_kafka_topics},
    {"kafka-consumer-groups", "", client::run_kafka_consumer_groups},
    {"kafka-console-producer", "", client::run_kafka_console_producer},
    {"kafka-console-consumer", "", client::run_kafka_console_consumer},
    {"kafka-configs", "", client::run_kafka_configs},
    {"kafka-get-offsets", "", client::run_kafka_get_offsets},
    {"kafka-delete-records", "", client::run_kafka_delete_records},
    {"kafka-producer-perf-test", "", client::run_kafka_producer_perf_test},
    {"kafka-consumer-perf-test", "", client::run_kafka_consumer_perf_test},
    {"kafka-transactions", "", client::run_kafka_transactions},
    {"kafka-reassign-partitions", "", client::run_kafka_reassign_partitions},
    {"kafka-leader-election", "", client::run_kafka_leader_election},
    {"confluent", "", client::run_confluent_command},
};

const Subcommand* find_link(std::string_view program) {
  if (const size_t slash = program.rfind('/'); slash != program.npos)
    program.remove_prefix(slash + 1);
  if (program.ends_with(".sh")) program.remove_suffix(3);
  for (const Subcommand& link : kLinks)
    if (link.name == program) return &link;
  return nullptr;
}

void print_help() {
  fmt::print(
      "Millrace {}: a streaming database. Kafka clients write events, PostgreSQL clients ask.\n\n"
      "Usage: millrace SUBCOMMAND [OPTIONS]\n\nSubcommands:\n",
      MILLRACE_VERSION);
  for (const Subcommand& subcommand : kSubcommands)
    fmt::print("  {:<9} {}\n", subcommand.name, subcommand.summary);
  fmt::print(
      "\nOptions:\n  -h, --help     this text; after a subcommand: its options\n"
      "  -v, --version  the version, its commit, and the formats of its data\n\nExamples:\n  "
      "millrace server --data-dir ./data\n"
      "  millrace sql -c \"SHOW TABLES\"\n"
      "  millrace topic create orders --partitions 6\n"
      "  millrace produce orders < orders.jsonl\n"
      "  millrace consume orders --from-beginning\n");
}

// Prints the version and the data formats. The first line is for scripts. An operator compares the formats before an
// upgrade: a program opens data directories of the printed formats and refuses newer ones.
void print_version() {
  fmt::print("millrace {}\ncommit {}\n", MILLRACE_VERSION, MILLRACE_COMMIT);
  fmt::print("log format {} (opens {} to {})\n", storage::kNewestLogFormat,
             storage::kOldestLogFormat, storage::kNewestLogFormat);
  fmt::print("state format {} (opens {} to {})\n", storage::kCheckedPositionsVersion,
             storage::kOldestStateFormatVersion, storage::kCheckedPositionsVersion);
  fmt::print("cluster feature level {}\n", storage::kNewestLevel.value());
}

int usage_error(std::string_view problem) {
  fmt::print(stderr, "millrace: {}\nTry: millrace --help\n", problem);
  return kUsageError;
}

}  // namespace

int main(int argc, char** argv) {
  if (const Subcommand* link = argc > 0 ? find_link(argv[0]) : nullptr)
    return link->run(argc, argv);
  if (argc < 2) return usage_error("a subcommand is missing");
  const std::string_view first = argv[1];
  if (first == "--version" || first == "-v" || first == "-V" || first == "version") {
    print_version();
    return 0;
  }
  // `millrace help server` means `millrace server --help`.
  const bool asks_for_help = first == "--help" || first == "-h" || first == "help";
  if (asks_for_help && argc < 3) {
    print_help();
    return 0;
  }
  const std::string_view name = asks_for_help ? argv[2] : first;
  std::vector<std::string> names;
  for (const Subcommand& subcommand : kSubcommands) {
    if (subcommand.name != name) {
      names.emplace_back(subcommand.name);
      continue;
    }
    if (!asks_for_help) return subcommand.run(argc - 1, argv + 1);
    const char* const arguments[] = {argv[2], "--help"};
    return subcommand.run(2, arguments);
  }
  const bool is_script = name.starts_with("kafka-") && name.ends_with(".sh");
  const std::string_view typed = is_script ? name.substr(0, name.size() - 3) : name;
  for (const ForeignWord& word : kForeignWords)
    if (word.name == typed)
      return usage_error(fmt::format("unrecognized subcommand \"{}\"; {}", name, word.remedy));
  if (name.starts_with("--data-dir") || name.starts_with("--kafka") || name.starts_with("--pg") ||
      name.starts_with("--http") || name.starts_with("--config"))
    return usage_error(
        fmt::format("unrecognized option {0}; millrace server {0} starts a server", name));
  // Kafka's tools are links to this program; their names are also accepted as a subcommand.
  if (const Subcommand* link = name.starts_with("kafka-") ? find_link(name) : nullptr)
    return link->run(argc - 1, argv + 1);
  if (name.starts_with("kafka-"))
    return usage_error(
        fmt::format("there is no tool \"{}\"; the tools are {}", name,
                    fmt::join(std::views::transform(kLinks, &Subcommand::name), ", ")));
  if (name.starts_with('-'))
    return usage_error(
        fmt::format("a subcommand precedes the option \"{}\": {}", name, fmt::join(names, ", ")));
  const std::string near = nearest_name(name, names);
  return usage_error(fmt::format("unrecognized subcommand \"{}\"; {}", name,
                                 near.empty()
                                     ? fmt::format("subcommands are {}", fmt::join(names, ", "))
                                     : fmt::format("did you mean {}?", near)));
}
