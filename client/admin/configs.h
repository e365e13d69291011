// Reads and changes settings of topics, groups and brokers over Kafka's protocol.
#pragma once
#include <string>
#include <vector>

#include "client/connection.h"

namespace client {

enum class ConfigOwner : uint8_t { Topic, Broker, Group };

struct ConfigValue {
  std::string source;  // Kafka's name of the origin, such as DYNAMIC_TOPIC_CONFIG
  std::string name, value;
};
struct ConfigSetting {
  ConfigValue held;
  bool is_sensitive = false;
  bool is_own = false;                // true: set on the owner; false: inherited, or a default
  std::vector<ConfigValue> synonyms;  // value in force, then its fallbacks in order
};

// Returns the settings, sorted by name. Fails with UnknownTopic.
Result<std::vector<ConfigSetting>> describe_configs(Connection& connection, ConfigOwner owner,
                                                    const std::string& name);
// Replaces all settings of the owner. Settings that are missing in `settings` return to their
// defaults. Debian 12's librdkafka cannot change single settings (KIP-339), so a caller that wants
// to change one reads the others first.
Status replace_configs(Connection& connection, ConfigOwner owner, const std::string& name,
                       const Properties& settings);

}  // namespace client
