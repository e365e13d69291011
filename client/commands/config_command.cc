// millrace config: shows and changes settings of topics, groups and brokers.
#include <fmt/format.h>

#include <algorithm>

#include "client/admin/configs.h"
#include "client/command_line.h"
#include "client/commands.h"
#include "client/config_forms.h"
#include "client/table.h"

namespace client {

namespace {

constexpr Flag kFlags[] = {{.name = "all", .doc = "Show also settings with default values"},
                           {.name = "unset",
                            .argument = "KEY",
                            .doc = "Reset this setting to its default; may be "
                                   "repeated"},
                           kBootstrapFlag,
                           {.name = "command-property",
                            .argument = "KEY=VALUE",
                            .doc = "A setting of the connection, as Kafka's clients name them"},
                           kHelpFlag};

constexpr Help kHelp{
    "millrace config topic|group|broker NAME [KEY=VALUE...] [OPTIONS]",
    "Shows the settings of a topic, a group or a broker, or changes some of them.",
    "  millrace config topic orders\n"
    "  millrace config topic orders retention.ms=3600000 --unset max.message.bytes\n"
    "  millrace config group billing consumer.session.timeout.ms=60000\n"
    "  millrace config broker 1 --all\n"};

struct ConfigRequest {
  ConfigOwner owner;
  std::string word, name;  // for example "topic" and "orders"
  Properties set;
  std::vector<std::string> unset;
  bool changes() const { return !set.empty() || !unset.empty(); }
};

Error with_help(std::string message) {
  return wrong_usage(std::move(message), "Try: millrace config --help");
}

constexpr std::string_view kVerbs[] = {"set", "get", "show", "list", "describe", "alter"};
bool is_verb(std::string_view word) { return std::ranges::count(kVerbs, word) > 0; }
bool is_kind(std::string_view word) {
  return word == "topic" || word == "group" || word == "broker";
}

// Returns a hint with a complete command line, which consists of `words` and of the server in
// `flags`.
std::string use_words(std::string_view words, const Flags& flags) {
  std::string server = flags.text(kBootstrapFlag.name);
  return fmt::format("Use millrace config {}{}{}.", words, server.empty() ? "" : " -b ", server);
}

// Returns the hint for a command line that does not begin with "topic", "group" or "broker". If the
// words contain the name of a topic, the hint is the same command in the right form.
std::string form_with_kind(std::span<const std::string> words, const Flags& flags) {
  words = words.subspan(is_verb(words[0]) ? 1 : 0);
  if (words.size() > 1 && is_kind(words[0]))
    return use_words(fmt::format("{}", fmt::join(words, " ")), flags);
  const auto is_change = [](const std::string& word) { return word.find('=') != word.npos; };
  if (words.empty() || is_change(words[0]) || !std::ranges::all_of(words.subspan(1), is_change))
    return std::string(kFormsOfConfig);
  return use_words(fmt::format("topic {}", fmt::join(words, " ")), flags);
}

Result<ConfigRequest> read_command_line(const Flags& flags) {
  constexpr std::pair<std::string_view, ConfigOwner> kOwners[] = {{"topic", ConfigOwner::Topic},
                                                                  {"group", ConfigOwner::Group},
                                                                  {"broker", ConfigOwner::Broker}};
  const std::vector<std::string>& words = flags.words();
  if (words.empty())
    return wrong_usage("a topic, a group or a broker is missing", std::string(kFormsOfConfig));
  const auto* owner =
      std::ranges::find(kOwners, words[0], [](const auto& each) { return each.first; });
  if (owner == std::end(kOwners))
    return wrong_usage(fmt::format("the first word is topic, group or broker, not \"{}\"{}",
                                   words[0], is_verb(words[0]) ? "; the command has no verb" : ""),
                       form_with_kind(words, flags));
  // The second word should be a name. If it contains "=", it is a setting, and the name is missing.
  // Only names of groups may contain "=".
  const bool is_setting =
      words.size() > 1 && words[0] != "group" && words[1].find('=') != std::string::npos;
  if (words.size() < 2 || is_setting)
    return wrong_usage(
        fmt::format("the name of the {} is missing", words[0]),
        use_words(fmt::format("{} {}{}", words[0], words[0] == "broker" ? "1" : "NAME",
                              words.size() < 2 ? "" : " " + words[1]),
                  flags));
  ConfigRequest request{owner->second, words[0], words[1], {}, flags.all("unset")};
  for (size_t i = 2; i < words.size(); ++i) {
    const size_t equals = words[i].find('=');
    if (equals == 0 || equals == std::string::npos)
      return wrong_usage(
          fmt::format("\"{}\" is not a setting of the form KEY=VALUE", words[i]),
          fmt::format("Use {}={}. --unset {} resets it, and a command without "
                      "KEY=VALUE shows the settings.",
                      words[i], i + 1 < words.size() ? words[i + 1] : "VALUE", words[i]));
    request.set[words[i].substr(0, equals)] = words[i].substr(equals + 1);
  }
  for (const std::string& name : request.unset)
    if (request.set.contains(name))
      return with_help(fmt::format("\"{}\" cannot be set and unset at the same time", name));
  return request;
}

void show(const ConfigRequest& request, const std::vector<ConfigSetting>& settings, bool all) {
  std::vector<std::vector<std::string>> rows;
  for (const ConfigSetting& setting : settings)
    if (all || setting.is_own)
      rows.push_back({setting.held.name, setting.held.value, setting.is_own ? "set" : "default"});
  if (rows.empty())
    fmt::print("The {} {} has no settings of its own; --all shows the defaults in effect.\n",
               request.word, request.name);
  else
    fmt::print("{}", format_table({{"SETTING"}, {"VALUE"}, {""}}, rows));
}

Status change(Connection& connection, const ConfigRequest& request,
              const std::vector<ConfigSetting>& now) {
  Properties settings;
  for (const ConfigSetting& setting : now)
    if (setting.is_own) settings[setting.held.name] = setting.held.value;
  for (const std::string& name : request.unset)
    if (settings.erase(name) == 0)
      return with_help(
          fmt::format("\"{}\" is not set for the {} {}", name, request.word, request.name));
  for (const auto& [name, value] : request.set) settings[name] = value;
  return replace_configs(connection, request.owner, request.name, settings);
}

Status run(const ConfigRequest& request, const Flags& flags) {
  const Properties properties =
      TRY(parse_properties(flags.all("command-property"), "--command-property"));
  Connection connection =
      TRY(Connection::open(RD_KAFKA_PRODUCER, {bootstrap_server(flags), properties}, {}));
  TRY(connection.topics());  // if no server answers, this call fails early with a clear error
  auto settings = TRY(describe_configs(connection, request.owner, request.name));
  if (request.changes()) {
    TRY(change(connection, request, settings));
    settings = TRY(describe_configs(connection, request.owner, request.name));
  }
  show(request, settings, flags.has("all"));
  return {};
}

}  // namespace

int run_config_command(int argc, const char* const* argv) {
  const auto flags =
      Flags::parse(kFlags, std::span(argv, static_cast<size_t>(argc)).subspan(1), SIZE_MAX);
  if (!flags) return report(flags.error(), kUsageError);
  if (flags->has(kHelpFlag.name)) {
    print_help(kHelp, kFlags);
    return 0;
  }
  const Result<ConfigRequest> request = read_command_line(*flags);
  if (!request) return report(request.error(), kUsageError);
  const Status done = run(*request, *flags);
  return done ? 0 : report(done.error());
}

}  // namespace client
