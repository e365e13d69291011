#include "server/node/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/suggest.h"

namespace server {

namespace {

constexpr int kUsageError = 2;

// Returns a hint for an argument that another server would accept; empty if none is known.
std::string_view hint_for_server(std::string_view name) {
  if (name == "start" || name == "run" || name == "up")
    return "\"millrace server\" without a word runs a server until Ctrl-C.";
  if (name == "stop" || name == "restart")
    return "Send SIGTERM to the server to stop it; \"millrace context stop\" does it for a server "
           "of \"millrace context\".";
  if (name == "port" || name == "host" || name == "listen" || name == "bind" || name == "p")
    return "Each protocol has an address: --kafka HOST:PORT, --pg HOST:PORT, --http HOST:PORT.";
  return {};
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
  if (!is_option) return problem;
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back(name);
  const std::string hint = did_you_mean(word, names, {}, "--");
  return hint.empty() ? problem : fmt::format("{}\nhint: {}", problem, hint);
}

}  // namespace

int exit_status(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return app.exit(error);
  const std::vector<std::string> unknown = app.remaining();
  const bool is_unknown =
      error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError) && !unknown.empty();
  fmt::print(stderr, "{}: {}\nTry: {} --help\n", app.get_name(),
             is_unknown ? unknown_argument(app, unknown.front()) : error.what(), app.get_name());
  return kUsageError;
}

}  // namespace server
