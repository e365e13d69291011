#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "server/kafka/cluster_view.h"
#include "server/kafka/configs.h"
#include "server/kafka/handlers/handlers.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

namespace {

using DescribeConfigsAsked = DescribeConfigsRequest::Resource;
using DescribeConfigsAnswer = DescribeConfigsResponse::Resource;
using Config = DescribeConfigsResponse::Resource::Config;

// Limit for repeated descriptions. Kafka describes a resource each time that the request names it,
// and this server does the same. But a repetition costs a client little and the server much, so the
// number of repetitions is limited.
constexpr size_t kMostAnswersAgain = 100;

void refuse(DescribeConfigsAnswer& answer, KafkaError error, std::string message) {
  answer.error_code = error;
  answer.error_message = std::move(message);
}

// Returns whether the request asks for the setting. A missing or empty list means all settings.
bool is_wanted(const DescribeConfigsAsked& asked, std::string_view name) {
  return !asked.configuration_keys || asked.configuration_keys->empty() ||
         std::ranges::count(*asked.configuration_keys, name) > 0;
}

void describe_topic(const storage::TopicInfo& topic, const ClusterView* cluster,
                    const DescribeConfigsRequest& request, const DescribeConfigsAsked& asked,
                    DescribeConfigsAnswer& answer) {
  answer.configs = topic_config_answers<Config>(
      topic, [&](std::string_view name) { return is_wanted(asked, name); }, cluster);
  for (Config& config : answer.configs) {
    const storage::TopicConfigRow& row = *storage::find_topic_config(config.name);
    config.config_type = static_cast<int8_t>(row.type);
    if (request.include_documentation) config.documentation = row.doc;
    if (!request.include_synonyms) continue;
    if (config.config_source == kFromTopic)
      config.synonyms.push_back({config.name, config.value, kFromTopic});
    if (topic.defaults)
      for (const auto& [values, source] : {std::pair{&topic.defaults->cluster_wide, kFromAllNodes},
                                           std::pair{&topic.defaults->started_with, kFromBroker}})
        if (const auto set = values->find(config.name); set != values->end())
          config.synonyms.push_back({std::string(row.broker_name), set->second, source});
    if (const auto node_value = node_value_of(row, cluster))
      config.synonyms.push_back({std::string(row.broker_name), *node_value, kFromBroker});
    if (!row.broker_name.empty())
      config.synonyms.push_back(
          {std::string(row.broker_name), std::string(row.default_value), kFromDefault});
  }
}

// Describes the settings of a group. A group can have settings before it exists.
void describe_group(const NodeView& node, const storage::GroupConfigs& all,
                    const DescribeConfigsRequest& request, const DescribeConfigsAsked& asked,
                    DescribeConfigsAnswer& answer) {
  const auto found = all.find(asked.resource_name);
  for (const storage::GroupConfigRow& row : storage::group_configs()) {
    if (!is_wanted(asked, row.name)) continue;
    Config& config = answer.configs.emplace_back();
    config.name = row.name;
    const std::string by_default = group_config_default(node, row.name);
    config.value = by_default;
    config.config_source = row.broker_name.empty() ? kFromDefault : kFromBroker;
    config.config_type = static_cast<int8_t>(row.is_number() ? storage::ConfigType::Int
                                                             : storage::ConfigType::String);
    if (request.include_documentation) config.documentation = row.doc;
    if (found != all.end())
      if (const auto set = found->second.find(config.name); set != found->second.end()) {
        config.value = set->second;
        config.config_source = kFromGroup;
      }
    if (!request.include_synonyms) continue;
    if (config.config_source == kFromGroup)
      config.synonyms.push_back({config.name, config.value, kFromGroup});
    if (!row.broker_name.empty())
      config.synonyms.push_back({std::string(row.broker_name), by_default, kFromBroker});
  }
}

// Describes the settings of this broker. The empty name stands for the settings that apply to all
// brokers and can be changed while they run.
void describe_node(const NodeView& node, const ClusterView* cluster,
                   const storage::TopicDefaults& defaults, const DescribeConfigsRequest& request,
                   const DescribeConfigsAsked& asked, DescribeConfigsAnswer& answer) {
  for (BrokerConfig& each : asked.resource_name.empty() ? cluster_wide_configs(defaults)
                                                        : broker_configs(node, cluster, defaults)) {
    if (!is_wanted(asked, each.name)) continue;
    Config& config = answer.configs.emplace_back();
    config.name = std::move(each.name);
    config.value = std::move(each.value);
    if (request.include_documentation) config.documentation = std::move(each.doc);
    config.read_only = each.is_read_only;
    config.config_source = each.source;
    config.config_type = static_cast<int8_t>(each.type);
    if (request.include_synonyms && asked.resource_name.empty())
      config.synonyms.push_back({config.name, config.value, config.config_source});
  }
}

// Adds the settings that the node has received while it ran.
void describe_node_settings(const storage::ClusterSnapshot& cluster, const NodeView& node,
                            const DescribeConfigsAsked& asked, DescribeConfigsAnswer& answer) {
  for (const char* const name : {storage::kLeaderThrottle, storage::kFollowerThrottle}) {
    if (!is_wanted(asked, name)) continue;
    const auto add = [&](NodeId of, int8_t source) {
      const storage::NodeSettings& settings = cluster.settings_of(of);
      const auto found = settings.find(name);
      if (found == settings.end()) return false;
      Config& config = answer.configs.emplace_back();
      config.name = name;
      config.value = found->second;
      config.config_source = source;
      config.config_type = static_cast<int8_t>(storage::ConfigType::Long);
      return true;
    };
    const bool is_its_own = !asked.resource_name.empty() && add(NodeId{node.node_id}, kFromNode);
    if (!is_its_own) add(storage::kAllNodes, kFromAllNodes);
  }
}

}  // namespace

void handle_describe_configs(HandlerContext& context, DescribeConfigsRequest request,
                             Reply<DescribeConfigsResponse> reply) {
  const auto topics = context.backend.topics();
  const auto groups = context.backend.group_configs();
  const storage::TopicDefaults defaults =
      topics->defaults() ? *topics->defaults() : storage::TopicDefaults();
  DescribeConfigsResponse response;
  std::set<std::pair<int8_t, std::string_view>> seen;
  size_t answered_again = 0;
  for (const DescribeConfigsAsked& asked : request.resources) {
    if (!seen.emplace(asked.resource_type, asked.resource_name).second &&
        ++answered_again > kMostAnswersAgain)
      continue;
    DescribeConfigsAnswer& answer = response.results.emplace_back();
    answer.resource_type = asked.resource_type;
    answer.resource_name = asked.resource_name;
    if (asked.resource_type == kTopicResource) {
      if (const storage::TopicInfo* topic = topics->find(asked.resource_name))
        describe_topic(*topic, context.backend.cluster().get(), request, asked, answer);
      else
        refuse(answer, KafkaError::UnknownTopicOrPartition,
               fmt::format("topic \"{}\" does not exist", asked.resource_name));
    } else if (asked.resource_type == kBrokerResource) {
      if (is_broker(context.node, asked.resource_name))
        describe_node(context.node, context.backend.cluster().get(), defaults, request, asked,
                      answer);
      else if (!context.backend.leads_all())
        refuse(answer, KafkaError::InvalidRequest,
               fmt::format("the settings of broker {} must be requested from that broker",
                           asked.resource_name));
      else
        refuse(answer, KafkaError::InvalidRequest,
               fmt::format("the only broker is {}, not \"{}\"", context.node.node_id,
                           asked.resource_name));
      if (const auto view = context.backend.cluster();
          view && is_broker(context.node, asked.resource_name))
        describe_node_settings(*view->metadata, context.node, asked, answer);
    } else if (asked.resource_type == kGroupResource) {
      if (asked.resource_name.empty())
        refuse(answer, KafkaError::InvalidRequest, "a group name is required");
      else
        describe_group(context.node, *groups, request, asked, answer);
    } else if (asked.resource_type == kLoggerResource) {
      if (asked.resource_name.empty() || !is_broker(context.node, asked.resource_name))
        refuse(answer, KafkaError::InvalidRequest,
               fmt::format("the loggers of broker {} must be requested from that broker",
                           asked.resource_name));
    } else if (asked.resource_type != kClientMetricsResource) {
      refuse(answer, KafkaError::InvalidRequest, "only topics, groups and brokers have settings");
    }
  }
  reply.send(response);
}

}  // namespace server::kafka
