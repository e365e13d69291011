// Settings of topics, groups and brokers, over the wire.
#pragma once
#include <string>
#include <vector>

#include "client/connection.h"

namespace client {

enum class ConfigOwner : uint8_t { Topic, Broker, Group };

struct ConfigValue {
  std::string source;  // by Kafka's names: DYNAMIC_TOPIC_CONFIG, ..., DEFAULT_CONFIG
  std::string name, value;
};
struct ConfigSetting {
  ConfigValue held;
  bool is_sensitive = false;
  bool is_own = false;                // set for its owner, and not its default
  std::vector<ConfigValue> synonyms;  // what holds, and what would without it, in this order
};

// By name. Fails with UnknownTopic.
Result<std::vector<ConfigSetting>> describe_configs(Connection& connection, ConfigOwner owner,
                                                    const std::string& name);
// The settings that are its own from now on; all others get their defaults. librdkafka of Debian 12 has no request
// that changes some of them (KIP-339), so who changes one reads them first.
Status replace_configs(Connection& connection, ConfigOwner owner, const std::string& name,
                       const Properties& settings);

}  // namespace client
