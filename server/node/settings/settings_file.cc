#include "server/node/settings/settings_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/suggest.h"
#include "server/connect/outside/connect_client.h"
#include "server/node/command_line.h"
#include "server/node/settings.h"
#include "server/node/settings/setting_row.h"
#include "server/registry/registry_client.h"

namespace server {

namespace {

// Returns the quoted name, with the nearest known setting if one is similar. `prefix` has the names of the tables that
// contain the setting, as in apply_table().
std::string unknown_setting(const std::string& name, std::string_view prefix) {
  std::vector<std::string> known;
  for (const SettingRow& row : known_settings()) known.emplace_back(row.name);
  // A table such as [server] or [listeners] that no setting has: without its line the setting is known.
  if (!prefix.empty() && std::ranges::count(known, name.substr(prefix.size())) > 0)
    return fmt::format("\"{}\" (leave out the line [{}])", name,
                       prefix.substr(0, prefix.size() - 1));
  if (const std::string near = nearest_name(name, known); !near.empty())
    return fmt::format("\"{}\" (did you mean {}?)", name, near);
  // `name` contains the name of its table in the file: port in the table [kafka] is kafka-port.
  if (name == "listener" || name == "listeners")
    return fmt::format("\"{}\" (use kafka = \"127.0.0.1:9092\", without PLAINTEXT://)", name);
  if (name == "advertised-listeners" || name == "advertised.listeners")
    return fmt::format("\"{}\" (use kafka-advertised = \"HOST:PORT\", without PLAINTEXT://)", name);
  std::string_view hint = hint_for_foreign_option(name);
  if (hint.empty()) hint = hint_for_foreign_option(name.substr(name.find('-') + 1));
  return hint.empty() ? fmt::format("\"{}\"", name) : fmt::format("\"{}\" ({})", name, hint);
}

// Applies a table of the settings file; `prefix` has the names of the outer tables. `memory.limit = ...` and a table
// `[memory]` both mean memory-limit. Unknown names are collected in `unknown`, so that all of them are reported
// together.
Status apply_table(const std::string& path, const std::string& prefix, const toml::table& table,
                   NodeSettings& settings, std::vector<std::string>& unknown) {
  for (const auto& [key, node] : table) {
    const std::string name = prefix + std::string(key.str());
    if (node.is_table()) {
      TRY(apply_table(path, name + "-", *node.as_table(), settings, unknown));
      continue;
    }
    const auto row = std::ranges::find(known_settings(), name, &SettingRow::name);
    if (row == known_settings().end()) {
      unknown.push_back(unknown_setting(name, prefix));
      continue;
    }
    if (!node.is_string() && !node.is_integer() && !node.is_boolean())
      return Error{
          ErrorCode::InvalidParameter,
          fmt::format("{}: {}: neither a text nor a whole number nor true or false", path, name)};
    const std::string text = node.is_string()           ? node.as_string()->get()
                             : node.is_integer()        ? std::to_string(node.as_integer()->get())
                             : node.as_boolean()->get() ? "true"
                                                        : "false";
    if (const Status set = row->set(settings, text); !set)
      return about(fmt::format("{}: {}", path, name), set.error());
  }
  return {};
}

// Returns the hint for a file that is not TOML. A file of Kafka, of ksqlDB or in YAML has other names, too.
std::string_view form_beside(std::string_view path, std::string_view form) {
  if (path.ends_with(".properties"))
    return "--config takes a TOML file with the settings of Millrace, not a properties file of "
           "Kafka or ksqlDB. A "
           "whole file: data-dir = \"/var/lib/millrace\", pg = \"127.0.0.1:7432\", kafka = "
           "\"127.0.0.1:9092\" and "
           "http = \"127.0.0.1:8088\", each on its own line.";
  if (path.ends_with(".yml") || path.ends_with(".yaml"))
    return "--config takes a TOML file, not YAML: write pg = \"127.0.0.1:7432\" instead of pg: "
           "127.0.0.1:7432. "
           "millrace server --help lists the names.";
  return form;
}

}  // namespace

Status read_settings_file(const std::string& path, NodeSettings& settings) {
  constexpr std::string_view kForm =
      "A line has a name, = and a value, and texts are in double quotes: pg = \"127.0.0.1:7432\". "
      "millrace server --help lists the names.";
  std::error_code problem;
  const std::filesystem::file_status status = std::filesystem::status(path, problem);
  if (!std::filesystem::exists(status) || std::filesystem::is_directory(status))
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("cannot read the file of --config, {}: {}", path,
                             std::filesystem::is_directory(status) ? std::string("Is a directory")
                             : problem                             ? problem.message()
                                       : std::string("No such file or directory")),
                 {},
                 fmt::format("--config names a TOML file. {}", kForm)};
  try {
    std::vector<std::string> unknown;
    TRY(apply_table(path, "", toml::parse_file(path), settings, unknown));
    if (unknown.empty()) return {};
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("{}: unrecognized setting {}", path, fmt::join(unknown, ", ")),
                 {},
                 "A setting is an option of the server without its dashes: data-dir = "
                 "\"/var/lib/millrace\". millrace server --help lists the options."};
  } catch (const toml::parse_error& error) {
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("cannot read {}, line {}: {}", path, error.source().begin.line,
                             error.description()),
                 {},
                 std::string(form_beside(path, kForm))};
  } catch (const std::exception& error) {
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("cannot read {}: {}", path, error.what())};
  }
}

}  // namespace server
