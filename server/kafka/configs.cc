#include "server/kafka/configs.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/kafka/cluster_view.h"

namespace server::kafka {

namespace {

// Returns the value of a setting for a topic without settings of its own.
BrokerConfig topic_default(const storage::TopicConfigRow& row, const ClusterView* cluster,
                           const storage::TopicDefaults& defaults) {
  storage::TopicInfo topic;
  topic.defaults = std::make_shared<const storage::TopicDefaults>(defaults);
  BrokerConfig config{std::string(row.broker_name),
                      std::string(topic_config(topic, row.name)),
                      row.type,
                      std::string(row.doc),
                      source_of(storage::origin_of(topic, row.name)),
                      storage::find_topic_default(row.broker_name) == nullptr};
  if (auto node_value = node_value_of(row, cluster)) {
    config.value = *std::move(node_value);
    config.source = kFromBroker;
  }
  return config;
}

}  // namespace

int8_t source_of(storage::ConfigOrigin origin) {
  switch (origin) {
    case storage::ConfigOrigin::Topic:
      return kFromTopic;
    case storage::ConfigOrigin::ClusterWide:
      return kFromAllNodes;
    case storage::ConfigOrigin::Start:
      return kFromBroker;
    case storage::ConfigOrigin::Program:
      return kFromDefault;
  }
  return kFromDefault;
}

std::vector<BrokerConfig> cluster_wide_configs(const storage::TopicDefaults& defaults) {
  std::vector<BrokerConfig> configs;
  for (const storage::TopicConfigRow& row : storage::topic_configs())
    if (const auto set = defaults.cluster_wide.find(std::string(row.name));
        set != defaults.cluster_wide.end())
      configs.push_back({std::string(row.broker_name), set->second, row.type, std::string(row.doc),
                         kFromAllNodes, false});
  return configs;
}

std::string why_fixed(const NodeView& node, std::string_view name) {
  const auto settings = node.start_settings;
  if (settings)
    for (const StartSetting& setting : *settings)
      if (setting.name == name)
        return setting.flag.empty()
                   ? fmt::format("cannot update these configs dynamically: \"{}\" is always \"{}\"",
                                 name, setting.value)
                   : fmt::format(
                         "cannot update these configs dynamically: \"{}\" is set when the "
                         "server starts, by --{}",
                         name, setting.flag);
  return fmt::format(
      "broker setting \"{}\" cannot be changed, does not exist, or is not supported yet", name);
}

std::vector<BrokerConfig> broker_configs(const NodeView& node, const ClusterView* cluster,
                                         const storage::TopicDefaults& defaults) {
  using enum storage::ConfigType;
  std::vector<BrokerConfig> configs = {
      {"broker.id", fmt::format("{}", node.node_id), Int, "id of the node"},
      {"node.id", fmt::format("{}", node.node_id), Int, "id of the node"},
      {"num.partitions", fmt::format("{}", node.partitions_of_new_topic), Int,
       "number of partitions of a topic that is created without one"},
      {"default.replication.factor",
       fmt::to_string(cluster ? cluster->default_replication_factor() : 1), Int,
       "number of replicas of a topic that is created without one"},
      {"auto.create.topics.enable", node.creates_topics ? "true" : "false", Boolean,
       "whether a topic is created when a client requests one that does not exist"},
      {"advertised.listeners", fmt::format("PLAINTEXT://{}:{}", node.host, node.port), String,
       "addresses that clients connect to"},
  };
  for (const storage::GroupConfigRow& row : storage::group_configs())
    if (!row.broker_name.empty())
      configs.push_back({std::string(row.broker_name), group_config_default(node, row.name), Int,
                         std::string(row.doc)});
  for (const storage::TopicConfigRow& row : storage::topic_configs())
    if (!row.broker_name.empty()) configs.push_back(topic_default(row, cluster, defaults));
  if (node.start_settings)
    for (const StartSetting& each : *node.start_settings)
      if (std::ranges::find(configs, each.name, &BrokerConfig::name) == configs.end())
        configs.push_back({each.name, each.value, each.type, each.doc});
  return configs;
}

std::optional<std::string> node_value_of(const storage::TopicConfigRow& row,
                                         const ClusterView* cluster) {
  if (cluster == nullptr || row.name != storage::kMinInsyncReplicas) return std::nullopt;
  return fmt::to_string(cluster->min_insync_replicas);
}

std::string group_config_default(const NodeView& node, std::string_view name) {
  const coordinator::GroupSettings& groups = node.groups;
  const std::pair<std::string_view, int32_t> numbers[] = {
      {storage::kConsumerSessionTimeoutMs, groups.consumer_session_timeout_ms},
      {storage::kConsumerHeartbeatIntervalMs, groups.consumer_heartbeat_interval_ms},
      {storage::kShareSessionTimeoutMs, groups.share_session_timeout_ms},
      {storage::kShareHeartbeatIntervalMs, groups.share_heartbeat_interval_ms},
      {storage::kShareRecordLockDurationMs, groups.share_record_lock_ms},
      {storage::kShareDeliveryCountLimit, groups.share_delivery_count_limit},
      {storage::kSharePartitionMaxRecordLocks, groups.share_max_record_locks},
  };
  for (const auto& [of, number] : numbers)
    if (of == name) return fmt::to_string(number);
  return std::string(storage::group_config_text({}, "", name));
}

bool is_broker(const NodeView& node, std::string_view resource_name) {
  return resource_name.empty() || resource_name == fmt::format("{}", node.node_id);
}

}  // namespace server::kafka
