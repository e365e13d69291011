// The program: finds the subcommand and hands over to it.
#include <fmt/format.h>

#include <cstdio>
#include <span>
#include <string_view>

#include "engine/testing/command.h"
#include "engine/testing/memory_engine.h"
#include "server/node/node.h"

namespace {

constexpr int kUsageError = 2;

int run_test(int argc, const char* const* argv) {
  return engine::run_test_command(argc, argv, engine::make_memory_engine);
}

struct Subcommand {
  std::string_view name, summary;
  int (*run)(int argc, const char* const* argv);  // argv[0] is the subcommand's name
};
constexpr Subcommand kSubcommands[] = {
    {"server", "run a server", server::run_server_command},
    {"test", "run test cases against the engine, in memory", run_test},
};

void print_help() {
  fmt::print(
      "Millrace {}: a streaming database. Kafka clients write events, PostgreSQL clients ask.\n\n"
      "Usage: millrace SUBCOMMAND [OPTIONS]\n\nSubcommands:\n",
      MILLRACE_VERSION);
  for (const Subcommand& subcommand : kSubcommands)
    fmt::print("  {:<9} {}\n", subcommand.name, subcommand.summary);
  fmt::print(
      "\nOptions:\n  --help     this text; after a subcommand: its options\n"
      "  --version  the version\n\nExamples:\n  millrace server --data-dir ./data\n  millrace test "
      "cases/ --filter joins/\n");
}

int usage_error(std::string_view problem) {
  fmt::print(stderr, "millrace: {}\nTry: millrace --help\n", problem);
  return kUsageError;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return usage_error("a subcommand is missing");
  const std::string_view first = argv[1];
  if (first == "--version") {
    fmt::print("millrace {}\n", MILLRACE_VERSION);
    return 0;
  }
  if (first == "--help" || first == "-h") {
    print_help();
    return 0;
  }
  for (const Subcommand& subcommand : kSubcommands)
    if (subcommand.name == first) return subcommand.run(argc - 1, argv + 1);
  return usage_error(fmt::format("there is no subcommand \"{}\"", first));
}
