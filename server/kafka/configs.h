// Settings of topics, groups and this broker, in the form and with the names that Kafka's requests
// use.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/kafka/handler.h"
#include "storage/meta/cluster_table.h"
#include "storage/meta/group_configs.h"
#include "storage/meta/topic_configs.h"

namespace server::kafka {

// Resources that have settings (https://kafka.apache.org/protocol).
inline constexpr int8_t kTopicResource = 2, kBrokerResource = 4, kGroupResource = 32;
// Kafka's log levels of a broker (KIP-412) and subscriptions to clients' metrics (KIP-714): neither
// can be set on this server.
inline constexpr int8_t kLoggerResource = 8, kClientMetricsResource = 16;

// Kafka's numbers for the origin of a value.
inline constexpr int8_t kFromTopic = 1, kFromNode = 2, kFromAllNodes = 3, kFromBroker = 4,
                        kFromDefault = 5, kFromGroup = 8;

struct BrokerConfig {
  std::string name, value;
  storage::ConfigType type;
  std::string doc;
  int8_t source = kFromBroker;
  bool is_read_only = true;
};
// Returns the settings of this broker. `cluster` is null on a single node.
std::vector<BrokerConfig> broker_configs(const NodeView& node, const ClusterView* cluster,
                                         const storage::TopicDefaults& defaults);
// Returns the settings of the broker resource with the empty name, which stands for all brokers.
// They can be changed while the brokers run.
std::vector<BrokerConfig> cluster_wide_configs(const storage::TopicDefaults& defaults);
// Returns the reason why the setting cannot be changed while the broker runs.
std::string why_fixed(const NodeView& node, std::string_view name);
// Returns the value that the group setting `name` has for groups without a value of their own.
std::string group_config_default(const NodeView& node, std::string_view name);
// Returns whether the setting `name` belongs to one node of a cluster and can be changed while the
// node runs.
inline bool is_node_setting(std::string_view name) {
  return name == storage::kLeaderThrottle || name == storage::kFollowerThrottle;
}
// Returns whether the setting never has a value. Apache Kafka's tools remove this setting after
// they have moved replicas between directories of one broker, but a node of this server has one
// directory.
inline bool is_never_set(std::string_view name) {
  return name == "replica.alter.log.dirs.io.max.bytes.per.second";
}
// Returns whether the name is this broker's id, or the empty name, which stands for all brokers.
bool is_broker(const NodeView& node, std::string_view resource_name);

// Returns the configured value of min.insync.replicas, which applies to topics without a value of
// their own. Returns nullopt for other settings and on a single node.
std::optional<std::string> node_value_of(const storage::TopicConfigRow& row,
                                         const ClusterView* cluster);

int8_t source_of(storage::ConfigOrigin origin);

// Returns the settings of the topic, with the fields that the answers of CreateTopics and
// DescribeConfigs have in common. `is_wanted` selects settings by name.
template <class Config, class IsWanted>
std::vector<Config> topic_config_answers(const storage::TopicInfo& topic, IsWanted is_wanted,
                                         const ClusterView* cluster) {
  std::vector<Config> answers;
  for (const storage::TopicConfigRow& row : storage::topic_configs()) {
    if (!is_wanted(row.name)) continue;
    Config& config = answers.emplace_back();
    config.name = row.name;
    config.value = storage::topic_config(topic, row.name);
    config.read_only = false;
    config.config_source = source_of(storage::origin_of(topic, row.name));
    if (config.config_source == kFromTopic) continue;
    if (auto node_value = node_value_of(row, cluster)) {
      config.value = *std::move(node_value);
      config.config_source = kFromBroker;
    }
  }
  return answers;
}

}  // namespace server::kafka
