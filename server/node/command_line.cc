#include "server/node/command_line.h"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "base/suggest.h"

namespace server {

namespace {

constexpr int kUsageError = 2;

std::string unknown_argument(const CLI::App& app, const std::string& argument) {
  if (!argument.starts_with('-')) return fmt::format("unexpected argument \"{}\"", argument);
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back(name);
  const std::string name = argument.substr(argument.find_first_not_of('-') == argument.npos
                                               ? argument.size()
                                               : argument.find_first_not_of('-'));
  const std::string near = closest_name(name.substr(0, name.find('=')), names);
  const std::string problem =
      fmt::format("unrecognized option {}", argument.substr(0, argument.find('=')));
  return near.empty() ? problem : fmt::format("{}\nhint: Did you mean --{}?", problem, near);
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
