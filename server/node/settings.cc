#include "server/node/settings.h"

#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "base/suggest.h"
#include "server/node/command_line.h"
#include "server/node/machine_memory.h"
#include "server/node/settings/setting_row.h"
#include "server/node/settings/settings_checks.h"
#include "server/node/settings/settings_file.h"

namespace server {

namespace {

constexpr std::string_view kVariablePrefix = "MILLRACE_";
// Variables of the test suites, which every server that a test starts inherits.
constexpr std::string_view kTestVariables[] = {
    "MILLRACE_CRASH_POINT=", "MILLRACE_BINARY=", "MILLRACE_TEST_LANE=", "MILLRACE_SIM="};

std::string variable_name(std::string_view setting) {
  std::string name(kVariablePrefix);
  for (const char c : setting)
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

Status read_variables(NodeSettings& settings) {
  for (const SettingRow& row : known_settings()) {
    const std::string name = variable_name(row.name);
    const char* text = std::getenv(name.c_str());
    if (!text) continue;
    if (const Status set = row.set(settings, text); !set) return about(name, set.error());
  }
  return {};
}

std::vector<std::string> unknown_variables() {
  std::vector<std::string> known;  // without the prefix, which would make all names similar
  for (const SettingRow& row : known_settings())
    known.push_back(variable_name(row.name).substr(kVariablePrefix.size()));
  std::vector<std::string> unknown;
  for (char** variable = environ; *variable; ++variable) {
    const std::string_view text(*variable);
    if (!text.starts_with(kVariablePrefix)) continue;
    if (std::ranges::any_of(kTestVariables,
                            [&](std::string_view its) { return text.starts_with(its); }))
      continue;
    const std::string name(
        text.substr(kVariablePrefix.size(), text.find('=') - kVariablePrefix.size()));
    if (std::ranges::find(known, name) != known.end()) continue;
    const std::string near = nearest_name(name, known);
    unknown.push_back(fmt::format("{}{}", kVariablePrefix, name));
    if (!near.empty())
      unknown.back() += fmt::format(" (did you mean {}{}?)", kVariablePrefix, near);
  }
  return unknown;
}

}  // namespace

std::map<std::string, std::string> topic_defaults(const NodeSettings& settings) {
  constexpr int64_t kMinute = 60'000, kHour = 3'600'000;
  const auto in_ms = [](int64_t count, int64_t unit) {
    return std::to_string(count < 0 ? -1 : count * unit);
  };
  std::map<std::string, std::string> defaults = settings.topic_defaults;
  if (settings.log_retention_ms)
    defaults["retention.ms"] = std::to_string(*settings.log_retention_ms);
  else if (settings.log_retention_minutes)
    defaults["retention.ms"] = in_ms(*settings.log_retention_minutes, kMinute);
  else if (settings.log_retention_hours)
    defaults["retention.ms"] = in_ms(*settings.log_retention_hours, kHour);
  return defaults;
}

size_t memory_limit_bytes(const NodeSettings& settings) {
  return settings.memory_limit_bytes > 0 ? settings.memory_limit_bytes : machine_memory_bytes() / 4;
}

size_t state_memory_bytes(const NodeSettings& settings) {
  return settings.state_memory_bytes.value_or(memory_limit_bytes(settings) / 8 * 3);
}

ServerArguments read_server_arguments(int argc, const char* const* argv) {
  ServerArguments arguments;
  CLI::App app("Runs a server until SIGTERM or Ctrl-C.", "millrace server");
  app.footer(
      "Each setting may also come from the file (data-dir = \"...\") or from a variable: "
      "MILLRACE_DATA_DIR, MILLRACE_KAFKA, ...\n\n"
      "Examples:\n  millrace server\n  millrace server --data-dir /var/lib/millrace --pg "
      "0.0.0.0:7432 --kafka 0.0.0.0:9092 --insecure\n  millrace server --pg 127.0.0.1:0 --kafka "
      "127.0.0.1:0 --http 127.0.0.1:0");
  std::string file;
  app.add_option("--config", file, "a TOML file with settings");
  std::map<std::string_view, std::string> flags;
  for (const SettingRow& row : known_settings())
    app.add_option("--" + std::string(row.name), flags[row.name], std::string(row.doc))
        ->group(row.doc.empty() ? "" : "Options")
        ->expected(row.name == "insecure" ? 0 : 1, 1);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    arguments.is_over = true;
    arguments.exit_code = exit_status(app, error);
    return arguments;
  }
  Status status = file.empty() ? Status{} : read_settings_file(file, arguments.settings);
  if (status) status = read_variables(arguments.settings);
  for (const SettingRow& row : known_settings()) {
    if (!status || app.count("--" + std::string(row.name)) == 0) continue;
    if (const Status set = row.set(arguments.settings, flags[row.name]); !set)
      status = about("--" + std::string(row.name), set.error());
  }
  arguments.unknown_variables = unknown_variables();
  if (status) status = check_settings(arguments.settings);
  if (!status) {
    fmt::print(stderr, "error: {}\n", status.error().message);
    fmt::print(stderr, "{}\n",
               status.error().hint.empty() ? "Try: millrace server --help"
                                           : "hint: " + status.error().hint);
    arguments.is_over = true;
    arguments.exit_code = 2;
  }
  return arguments;
}

}  // namespace server
