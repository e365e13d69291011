#include "server/node/command_line.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/suggest.h"

namespace server {

namespace {

constexpr int kUsageError = 2;

// Options of other servers and of initdb, separated by blanks, and their replacements.
struct ForeignOption {
  std::string_view names, hint;
};
constexpr std::string_view kUsers =
    "Users and passwords belong to the server: --superuser-password-file FILE creates the first "
    "user, and CREATE USER ann PASSWORD '...' others. --access-file FILE makes clients log in.";
constexpr ForeignOption kServerOptions[] = {
    {"listener listeners", "Use --kafka 127.0.0.1:9092, without PLAINTEXT://."},
    {"port host listen bind bind-address address addr p h listen-addresses",
     "Each protocol has an address: --kafka HOST:PORT, --pg HOST:PORT, --http HOST:PORT."},
    {"advertised-listeners advertised.listeners advertise-kafka-addr advertised-host",
     "Use --kafka-advertised HOST:PORT, without PLAINTEXT://."},
    {"data datadir data-directory dir D d log-dir log-dirs log.dirs path storage",
     "Use --data-dir PATH."},
    {"config-file configuration conf c f properties override", "Use --config FILE."},
    {"daemon background detach daemonize",
     "The server runs in the foreground; use systemd, docker or &. millrace context create NAME "
     "starts one in the background."},
    {"broker-id broker.id id", "A single server needs no id. A node of a cluster has --node-id N."},
    {"bootstrap-server bootstrap-servers brokers broker-list zookeeper zookeeper.connect",
     "A server is a broker itself: --kafka HOST:PORT is its address, and --data-dir PATH its "
     "data."},
    {"tls ssl https cert key", "Use --tls-cert FILE --tls-key FILE."},
    {"password user username auth", kUsers},
    {"partitions", "Use --num-partitions N."},
    {"memory max-memory mem heap Xmx", "Use --memory-limit 8GB."},
    {"threads workers cores", "Use --shards N."},
    {"retention retention-ms log-retention", "Use --log-retention-ms N."},
    {"verbose debug v loglevel", "Use --log-level debug."},
    {"registry-port schema-registry",
     "The registry answers at the address of --http, and at --registry HOST:PORT."},
};

// Returns a hint for an argument that another server would accept; empty if none is known.
std::string_view hint_for_server(std::string_view name) {
  if (const std::string_view hint = hint_for_foreign_option(name); !hint.empty()) return hint;
  if (name == "start" || name == "run" || name == "up")
    return "\"millrace server\" without a word runs a server until Ctrl-C.";
  if (name == "stop" || name == "restart")
    return "Send SIGTERM to the server to stop it; \"millrace context stop\" does it for a server "
           "of \"millrace context\".";
  return {};
}

// Returns the hint for a word that may be the value of an option; empty if the command takes none of these options.
std::string hint_for_word(const CLI::App& app, std::string_view word) {
  const auto takes = [&](std::string_view option) {
    return app.get_option_no_throw(fmt::format("--{}", option)) != nullptr;
  };
  if (word.ends_with(".toml") && takes("config")) return fmt::format("Use --config {}.", word);
  if (takes("to")) return fmt::format("Use {} --data-dir PATH --to {}.", app.get_name(), word);
  if (takes("from")) return fmt::format("Use {} --from {} --data-dir PATH.", app.get_name(), word);
  return takes("data-dir") ? fmt::format("Use --data-dir {}.", word) : "";
}

std::string unknown_argument(const CLI::App& app, const std::string& argument) {
  std::string word = argument.substr(0, argument.find('='));
  word.erase(0, std::min(word.find_first_not_of('-'), word.size()));
  const std::string_view own_hint =
      app.get_name() == "millrace server" ? hint_for_server(word) : std::string_view();
  const bool is_option = argument.starts_with('-');
  const std::string problem =
      is_option ? fmt::format("unrecognized option {}", argument.substr(0, argument.find('=')))
                : fmt::format("unexpected argument \"{}\"", argument);
  if (!own_hint.empty()) return fmt::format("{}\nhint: {}", problem, own_hint);
  if (!is_option) {
    const std::string hint = hint_for_word(app, argument);
    return hint.empty() ? problem : fmt::format("{}\nhint: {}", problem, hint);
  }
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back(name);
  const std::string few = fmt::format("The options are --{}.", fmt::join(names, ", --"));
  constexpr size_t kFew = 12;  // millrace server has about a hundred
  const std::string hint = did_you_mean(
      word, names,
      names.size() <= kFew ? few : std::string("--help lists the options and explains them."),
      "--");
  return fmt::format("{}\nhint: {}", problem, hint);
}

// Returns the hint for a command line without a required option; empty if none is known.
std::string hint_for_missing(const CLI::App& app) {
  if (const std::vector<std::string> words = app.remaining(); !words.empty())
    return hint_for_word(app, words.front());
  if (app.get_name() == "millrace backup")
    return "For example: millrace backup --data-dir ./millrace-data --to ./copy";
  if (app.get_name() == "millrace restore")
    return "For example: millrace restore --from ./copy --data-dir ./millrace-data";
  return {};
}

}  // namespace

std::string_view hint_for_foreign_option(std::string_view name) {
  for (const ForeignOption& option : kServerOptions)
    if (fmt::format(" {} ", option.names).find(fmt::format(" {} ", name)) != std::string::npos)
      return option.hint;
  return {};
}

int exit_status(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return app.exit(error);
  const std::vector<std::string> unknown = app.remaining();
  const bool is_unknown =
      error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError) && !unknown.empty();
  std::string problem = is_unknown ? unknown_argument(app, unknown.front()) : error.what();
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError))
    if (const std::string hint = hint_for_missing(app); !hint.empty())
      problem += fmt::format("\nhint: {}", hint);
  fmt::print(stderr, "{}: {}\nTry: {} --help\n", app.get_name(), problem, app.get_name());
  return kUsageError;
}

}  // namespace server
