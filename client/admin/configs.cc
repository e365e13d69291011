#include "client/admin/configs.h"

#include <algorithm>

#include "client/admin/admin_request.h"

namespace client {

namespace {

using ConfigResource = Owned<rd_kafka_ConfigResource_t, rd_kafka_ConfigResource_destroy>;

// Returns the number of the type in Kafka's protocol. librdkafka uses its constant for groups only
// for access rules, and passes any other number to the server unchanged.
int type_of(ConfigOwner owner) {
  constexpr int kGroups = 32;
  switch (owner) {
    case ConfigOwner::Topic:
      return RD_KAFKA_RESOURCE_TOPIC;
    case ConfigOwner::Broker:
      return RD_KAFKA_RESOURCE_BROKER;
    default:
      return kGroups;
  }
}

ConfigResource resource_of(ConfigOwner owner, const std::string& name) {
  return ConfigResource(rd_kafka_ConfigResource_new(
      static_cast<rd_kafka_ResourceType_t>(type_of(owner)), name.c_str()));
}

const char* source_name(rd_kafka_ConfigSource_t source) {
  constexpr int kOfGroup = 8;  // DYNAMIC_GROUP_CONFIG, for which librdkafka has no constant
  switch (static_cast<int>(source)) {
    case kOfGroup:
      return "DYNAMIC_GROUP_CONFIG";
    case RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG:
      return "DYNAMIC_TOPIC_CONFIG";
    case RD_KAFKA_CONFIG_SOURCE_DYNAMIC_BROKER_CONFIG:
      return "DYNAMIC_BROKER_CONFIG";
    case RD_KAFKA_CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER_CONFIG:
      return "DYNAMIC_DEFAULT_BROKER_CONFIG";
    case RD_KAFKA_CONFIG_SOURCE_STATIC_BROKER_CONFIG:
      return "STATIC_BROKER_CONFIG";
    case RD_KAFKA_CONFIG_SOURCE_DEFAULT_CONFIG:
      return "DEFAULT_CONFIG";
    default:
      return "UNKNOWN";
  }
}

ConfigValue value_of(const rd_kafka_ConfigEntry_t* entry) {
  const char* value = rd_kafka_ConfigEntry_value(entry);
  return {source_name(rd_kafka_ConfigEntry_source(entry)), rd_kafka_ConfigEntry_name(entry),
          value ? value : "null"};
}

ConfigSetting setting_of(const rd_kafka_ConfigEntry_t* entry) {
  ConfigSetting setting{value_of(entry), rd_kafka_ConfigEntry_is_sensitive(entry) != 0, false, {}};
  setting.is_own = setting.held.source.starts_with("DYNAMIC_");
  size_t count = 0;
  const auto* synonyms = rd_kafka_ConfigEntry_synonyms(entry, &count);
  for (size_t i = 0; i < count; ++i) setting.synonyms.push_back(value_of(synonyms[i]));
  return setting;
}

Status check(const rd_kafka_ConfigResource_t* const* results, size_t count) {
  for (size_t i = 0; i < count; ++i)
    if (const rd_kafka_resp_err_t code = rd_kafka_ConfigResource_error(results[i]))
      return kafka_failure(code, rd_kafka_ConfigResource_error_string(results[i]));
  return {};
}

}  // namespace

Result<std::vector<ConfigSetting>> describe_configs(Connection& connection, ConfigOwner owner,
                                                    const std::string& name) {
  const ConfigResource resource = resource_of(owner, name);
  rd_kafka_ConfigResource_t* requests[] = {resource.get()};
  const Event event = TRY(ask_admin(connection, [&](rd_kafka_queue_t* queue) {
    rd_kafka_DescribeConfigs(connection.handle(), requests, 1, nullptr, queue);
  }));
  size_t count = 0;
  const auto* results = rd_kafka_DescribeConfigs_result_resources(
      rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  TRY(check(results, count));
  std::vector<ConfigSetting> settings;
  for (size_t i = 0; i < count; ++i) {
    size_t entry_count = 0;
    const auto* entries = rd_kafka_ConfigResource_configs(results[i], &entry_count);
    for (size_t j = 0; j < entry_count; ++j) settings.push_back(setting_of(entries[j]));
  }
  std::ranges::sort(settings, {}, [](const ConfigSetting& setting) { return setting.held.name; });
  return settings;
}

Status replace_configs(Connection& connection, ConfigOwner owner, const std::string& name,
                       const Properties& settings) {
  const ConfigResource resource = resource_of(owner, name);
  for (const auto& [key, value] : settings)
    rd_kafka_ConfigResource_set_config(resource.get(), key.c_str(), value.c_str());
  rd_kafka_ConfigResource_t* requests[] = {resource.get()};
  const Event event = TRY(ask_admin(connection, [&](rd_kafka_queue_t* queue) {
    rd_kafka_AlterConfigs(connection.handle(), requests, 1, nullptr, queue);
  }));
  size_t count = 0;
  const auto* results = rd_kafka_AlterConfigs_result_resources(
      rd_kafka_event_AlterConfigs_result(event.get()), &count);
  return check(results, count);
}

}  // namespace client
