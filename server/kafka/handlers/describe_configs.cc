#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "server/kafka/handlers/handlers.h"
#include "server/kafka/topic_configs.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

namespace {

using Asked = DescribeConfigsRequest::Resource;
using Answer = DescribeConfigsResponse::Resource;
using Config = DescribeConfigsResponse::Resource::Config;

constexpr int8_t kTopicResource = 2, kBrokerResource = 4;
constexpr int8_t kFromTopic = 1, kFromBroker = 4, kFromDefault = 5;  // where a value comes from

void refuse(Answer& answer, KafkaError error, std::string message) {
  answer.error_code = error;
  answer.error_message = std::move(message);
}

bool is_wanted(const Asked& asked, std::string_view name) {
  return !asked.configuration_keys || std::ranges::count(*asked.configuration_keys, name) > 0;
}

void describe_topic(const storage::TopicInfo& topic, const DescribeConfigsRequest& request,
                    const Asked& asked, Answer& answer) {
  for (const TopicConfigRow& row : topic_configs()) {
    if (!is_wanted(asked, row.name)) continue;
    Config& config = answer.configs.emplace_back();
    config.name = row.name;
    config.value = topic_config(topic, row.name);
    config.read_only = false;
    const bool is_set = topic.config.contains(std::string(row.name));
    config.config_source = is_set ? kFromTopic : kFromDefault;
    config.config_type = static_cast<int8_t>(row.type);
    if (request.include_documentation) config.documentation = row.doc;
    if (!request.include_synonyms) continue;
    if (is_set) config.synonyms.push_back({config.name, config.value, kFromTopic});
    config.synonyms.push_back({config.name, std::string(row.default_value), kFromDefault});
  }
}

void describe_node(const NodeView& node, const Asked& asked, Answer& answer) {
  const auto add = [&](std::string_view name, std::string value, ConfigType type) {
    if (!is_wanted(asked, name)) return;
    Config& config = answer.configs.emplace_back();
    config.name = name;
    config.value = std::move(value);
    config.read_only = true;
    config.config_source = kFromBroker;
    config.config_type = static_cast<int8_t>(type);
  };
  add("broker.id", fmt::format("{}", node.node_id), ConfigType::Int);
  add("num.partitions", fmt::format("{}", node.partitions_of_new_topic), ConfigType::Int);
  add("default.replication.factor", "1", ConfigType::Int);
  add("auto.create.topics.enable", node.creates_topics ? "true" : "false", ConfigType::Boolean);
  add("advertised.listeners", fmt::format("PLAINTEXT://{}:{}", node.host, node.port),
      ConfigType::String);
}

}  // namespace

void handle_describe_configs(HandlerContext& context, DescribeConfigsRequest request,
                             Reply<DescribeConfigsResponse> reply) {
  const auto topics = context.backend.topics();
  DescribeConfigsResponse response;
  // Once each: naming a resource costs a client far less than its settings cost us.
  std::set<std::pair<int8_t, std::string_view>> seen;
  for (const Asked& asked : request.resources) {
    if (!seen.emplace(asked.resource_type, asked.resource_name).second) continue;
    Answer& answer = response.results.emplace_back();
    answer.resource_type = asked.resource_type;
    answer.resource_name = asked.resource_name;
    if (asked.resource_type == kTopicResource) {
      if (const storage::TopicInfo* topic = topics->find(asked.resource_name))
        describe_topic(*topic, request, asked, answer);
      else
        refuse(answer, KafkaError::UnknownTopicOrPartition,
               fmt::format("topic \"{}\" does not exist", asked.resource_name));
    } else if (asked.resource_type == kBrokerResource) {
      const std::string id = fmt::format("{}", context.node.node_id);
      if (asked.resource_name.empty() || asked.resource_name == id)
        describe_node(context.node, asked, answer);
      else
        refuse(answer, KafkaError::InvalidRequest,
               fmt::format("there is one broker, {}, not \"{}\"", id, asked.resource_name));
    } else {
      refuse(answer, KafkaError::InvalidRequest, "topics and brokers have settings");
    }
  }
  reply.send(response);
}

}  // namespace server::kafka
