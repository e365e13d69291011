// kafka-configs: the flags, messages and exit statuses of Apache Kafka's tool, for topics, groups and brokers.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "client/admin/broker_defaults.h"
#include "client/admin/config_changes.h"
#include "client/admin/configs.h"
#include "client/command_line.h"
#include "client/commands.h"

namespace client {

namespace {

constexpr Flag kFlags[] = {
    {.name = "add-config",
     .argument = "KEY=VALUE,...",
     .doc = "Settings to set, a list as KEY=[A,B]"},
    {.name = "add-config-file", .argument = "FILE", .doc = "The same, from a file"},
    {.name = "all", .doc = "Describe also settings with default values"},
    {.name = "alter", .doc = "Change settings"},
    kBootstrapFlag,
    {.name = "broker", .argument = "ID", .doc = "The broker"},
    {.name = "broker-defaults", .doc = "The settings of all brokers"},
    {.name = "broker-logger", .argument = "ID"},
    {.name = "client", .argument = "CLIENT"},
    {.name = "client-defaults"},
    {.name = "command-config",
     .argument = "FILE",
     .doc = "Settings of the connection, from a file"},
    {.name = "delete-config", .argument = "KEY,...", .doc = "Settings to reset to their defaults"},
    {.name = "describe", .doc = "Show settings"},
    {.name = "entity-default", .doc = "With --entity-type brokers: the settings of all brokers"},
    {.name = "entity-name", .argument = "NAME", .doc = "The topic or group, or the broker's id"},
    {.name = "entity-type", .argument = "TYPE", .doc = "topics, groups or brokers"},
    {.name = "group", .argument = "GROUP", .doc = "The group"},
    {.name = "topic", .argument = "TOPIC", .doc = "The topic"},
    {.name = "user", .argument = "USER"},
    {.name = "user-defaults"},
    {.name = "version"},
    kHelpFlag};
constexpr const char* kUnsupportedFlags[] = {"broker-logger", "client", "client-defaults", "user",
                                             "user-defaults"};

constexpr Help kHelp{
    "kafka-configs --bootstrap-server HOST:PORT ACTION --topic TOPIC [OPTIONS]",
    "This tool helps to manipulate and describe entity config for a topic, group or broker.",
    "  kafka-configs --bootstrap-server localhost:9092 --describe --topic orders --all\n"
    "  kafka-configs --bootstrap-server localhost:9092 --alter --topic orders \\\n"
    "    --add-config retention.ms=3600000 --delete-config max.message.bytes\n"};

struct Entity {
  ConfigOwner owner;
  std::string name;  // empty: all brokers
  bool is_default() const { return owner == ConfigOwner::Broker && name.empty(); }
  const char* word() const {
    return owner == ConfigOwner::Topic ? "topic" : owner == ConfigOwner::Group ? "group" : "broker";
  }
};

Result<Entity> read_entity(const Flags& flags) {
  for (const char* name : kUnsupportedFlags)
    if (flags.has(name)) return wrong_usage(fmt::format("--{} is not supported yet", name));
  if (flags.has("topic")) return Entity{ConfigOwner::Topic, flags.text("topic")};
  if (flags.has("group")) return Entity{ConfigOwner::Group, flags.text("group")};
  if (flags.has("broker-defaults")) return Entity{ConfigOwner::Broker, ""};
  if (flags.has("broker")) return Entity{ConfigOwner::Broker, flags.text("broker")};
  const std::string type = flags.text("entity-type");
  if (type.empty())
    return wrong_usage(
        "At least one of --entity-type, --topic, --group and --broker must be specified");
  if (type != "topics" && type != "brokers" && type != "groups")
    return wrong_usage(type == "users" || type == "clients" || type == "ips" ||
                               type == "broker-loggers" || type == "client-metrics"
                           ? fmt::format("--entity-type {} is not supported yet", type)
                           : fmt::format("Invalid entity type {}", type));
  if (flags.has("entity-default") && type != "brokers")
    return wrong_usage(fmt::format("--entity-default is not supported for {}", type));
  if (flags.has("entity-default") && flags.has("entity-name"))
    return wrong_usage("Only one of --entity-name and --entity-default must be specified");
  if (flags.has("entity-default")) return Entity{ConfigOwner::Broker, ""};
  if (!flags.has("entity-name"))
    return wrong_usage(fmt::format("an entity name must be specified"));
  return Entity{type == "topics"   ? ConfigOwner::Topic
                : type == "groups" ? ConfigOwner::Group
                                   : ConfigOwner::Broker,
                flags.text("entity-name")};
}

std::string line_of(const ConfigSetting& setting) {
  std::string synonyms;
  for (const ConfigValue& synonym : setting.synonyms)
    synonyms += fmt::format("{}{}:{}={}", synonyms.empty() ? "" : ", ", synonym.source,
                            synonym.name, synonym.value);
  return fmt::format("  {}={} sensitive={} synonyms={{{}}}\n", setting.held.name,
                     setting.held.value, setting.is_sensitive, synonyms);
}

Status describe_defaults(const Connection::Settings& server) {
  const auto settings = TRY(describe_broker_defaults(server));
  fmt::print("Default configs for brokers in the cluster are:\n");
  for (const ConfigSetting& setting : settings) fmt::print("{}", line_of(setting));
  return {};
}

Status describe(Connection& connection, const Entity& entity, const Flags& flags) {
  const auto settings = TRY(describe_configs(connection, entity.owner, entity.name));
  fmt::print("{} configs for {} {} are:\n", flags.has("all") ? "All" : "Dynamic", entity.word(),
             entity.name);
  for (const ConfigSetting& setting : settings)
    if (flags.has("all") || setting.is_own) fmt::print("{}", line_of(setting));
  return {};
}

// Removes the settings of --delete-config. Fails if one of them is not set.
Status remove_deleted(Properties& settings, const Flags& flags) {
  std::vector<std::string> missing;
  for (const std::string& name : split_config_list(flags.text("delete-config")))
    if (settings.erase(name) == 0) missing.push_back(name);
  if (missing.empty()) return {};
  return wrong_usage(fmt::format("Invalid config(s): {}", fmt::join(missing, ",")));
}

Result<Properties> added_settings(const Flags& flags) {
  Properties added;
  if (flags.has("add-config-file"))
    added = TRY(read_properties_file(flags.text("add-config-file")));
  if (flags.has("add-config")) added = TRY(parse_config_additions(flags.text("add-config")));
  return added;
}

Status alter_defaults(const Connection::Settings& server, const Flags& flags) {
  Properties settings;
  for (const ConfigSetting& setting : TRY(describe_broker_defaults(server)))
    settings[setting.held.name] = setting.held.value;
  TRY(remove_deleted(settings, flags));
  const Properties added = TRY(added_settings(flags));
  TRY(alter_broker_defaults(server, added, split_config_list(flags.text("delete-config"))));
  fmt::print("Completed updating default config for brokers in the cluster.\n");
  return {};
}

Status alter(Connection& connection, const Entity& entity, const Flags& flags) {
  Properties settings;
  for (const ConfigSetting& setting : TRY(describe_configs(connection, entity.owner, entity.name)))
    if (setting.is_own) settings[setting.held.name] = setting.held.value;
  TRY(remove_deleted(settings, flags));
  Properties added = TRY(added_settings(flags));
  for (auto& [name, value] : added) settings[name] = value;
  TRY(replace_configs(connection, entity.owner, entity.name, settings));
  fmt::print("Completed updating config for {} {}.\n", entity.word(), entity.name);
  return {};
}

Status check(const Flags& flags) {
  if (!flags.has(kBootstrapFlag.name)) return wrong_usage("--bootstrap-server must be specified");
  if (flags.has("alter") == flags.has("describe"))
    return wrong_usage("Command must include exactly one action: --describe, --alter.");
  const bool changes =
      flags.has("add-config") || flags.has("add-config-file") || flags.has("delete-config");
  if (flags.has("alter") && !changes)
    return wrong_usage(
        "At least one of --add-config, --add-config-file, or --delete-config must be specified "
        "with --alter");
  if (flags.has("add-config") && flags.has("add-config-file"))
    return wrong_usage("Only one of --add-config or --add-config-file must be specified");
  return {};
}

Status run(const Flags& flags, const Entity& entity) {
  Properties properties;
  if (flags.has("command-config"))
    properties = TRY(read_properties_file(flags.text("command-config")));
  const Connection::Settings server{bootstrap_server(flags), std::move(properties)};
  if (entity.is_default())
    return flags.has("alter") ? alter_defaults(server, flags) : describe_defaults(server);
  Connection connection = TRY(Connection::open(RD_KAFKA_PRODUCER, server, {}));
  TRY(connection.topics());  // if no server answers, this call fails early with a clear error
  return flags.has("alter") ? alter(connection, entity, flags)
                            : describe(connection, entity, flags);
}

}  // namespace

int run_kafka_configs(int argc, const char* const* argv) {
  const auto flags = Flags::parse(kFlags, std::span(argv, static_cast<size_t>(argc)).subspan(1), 0);
  if (!flags) return report(flags.error());
  if (const auto status = tell_of_tool(*flags, argc, kHelp, kFlags)) return *status;
  if (const Status checked = check(*flags); !checked) return report(checked.error());
  const Result<Entity> entity = read_entity(*flags);
  if (!entity) return report(entity.error());
  const Status done = run(*flags, *entity);
  if (done) return 0;
  fmt::print(stderr, "Error while executing config command with args: {}\n", done.error().message);
  return kFailed;
}

}  // namespace client
