#include "server/kafka/configs.h"

#include <fmt/format.h>

namespace server::kafka {

std::vector<BrokerConfig> broker_configs(const NodeView& node) {
  using enum storage::ConfigType;
  std::vector<BrokerConfig> configs = {
      {"broker.id", fmt::format("{}", node.node_id), Int},
      {"node.id", fmt::format("{}", node.node_id), Int},
      {"num.partitions", fmt::format("{}", node.partitions_of_new_topic), Int},
      {"default.replication.factor", "1", Int},
      {"auto.create.topics.enable", node.creates_topics ? "true" : "false", Boolean},
      {"advertised.listeners", fmt::format("PLAINTEXT://{}:{}", node.host, node.port), String},
  };
  for (const storage::TopicConfigRow& row : storage::topic_configs())
    if (!row.broker_name.empty())
      configs.push_back({std::string(row.broker_name), std::string(row.default_value), row.type});
  return configs;
}

bool is_broker(const NodeView& node, std::string_view resource_name) {
  return resource_name.empty() || resource_name == fmt::format("{}", node.node_id);
}

}  // namespace server::kafka
