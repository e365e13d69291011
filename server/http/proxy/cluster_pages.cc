// Serves /v3/clusters: topics, their settings, and groups (version 3 of the API).
#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <limits>
#include <map>
#include <utility>

#include "engine/formats/json/json_tree.h"
#include "engine/json/json_writer.h"
#include "server/http/proxy/proxy_call.h"
#include "server/http/proxy/proxy_handlers.h"
#include "server/kafka/configs.h"
#include "server/kafka/messages/create_partitions_request.h"
#include "server/kafka/messages/create_partitions_response.h"
#include "server/kafka/messages/create_topics_request.h"
#include "server/kafka/messages/create_topics_response.h"
#include "server/kafka/messages/delete_topics_request.h"
#include "server/kafka/messages/delete_topics_response.h"
#include "server/kafka/messages/describe_configs_request.h"
#include "server/kafka/messages/describe_configs_response.h"
#include "server/kafka/messages/incremental_alter_configs_request.h"
#include "server/kafka/messages/incremental_alter_configs_response.h"
#include "server/kafka/messages/list_groups_request.h"
#include "server/kafka/messages/list_groups_response.h"
#include "server/kafka/messages/list_offsets_request.h"
#include "server/kafka/messages/list_offsets_response.h"
#include "server/kafka/messages/metadata_request.h"
#include "server/kafka/messages/metadata_response.h"
#include "server/kafka/messages/offset_fetch_request.h"
#include "server/kafka/messages/offset_fetch_response.h"

namespace server::http {

namespace {

using engine::JsonTree;
using engine::JsonWriter;
using Call = std::shared_ptr<ProxyCall>;

constexpr int8_t kTopicResource = 2, kSet = 0, kDelete = 1;
constexpr int32_t kClusterTimeoutMs = 30'000;
constexpr KafkaError kLeaderNotAvailable{5};

// Begins a resource: {"kind": ..., "metadata": {"self": ..., "resource_name": null}, "cluster_id":
// ...
void begin_resource(JsonWriter& json, const Call& call, std::string_view kind,
                    const std::string& path) {
  const std::string_view host = call->request.header("host");
  json.begin_object();
  json.member("kind", kind);
  json.key("metadata");
  json.begin_object();
  json.member("self", fmt::format("http://{}/v3/clusters{}",
                                  host.empty() ? call->view.address() : std::string(host), path));
  json.key("resource_name");
  json.null();
  json.end_object();
  if (path.size() > 1) json.member("cluster_id", call->view.cluster_id);
}
void begin_list(JsonWriter& json, const Call& call, std::string_view kind,
                const std::string& path) {
  begin_resource(json, call, kind, path);
  json.key("data");
  json.begin_array();
}
void answer_list(JsonWriter& json, const Call& call) {
  json.end_array();
  json.end_object();
  call->answer(proxy_response(json.take()));
}

std::string path_of(const Call& call, std::string_view more = "") {
  return fmt::format("/{}{}", call->view.cluster_id, more);
}
std::string topic_path(const Call& call, std::string_view topic, std::string_view more = "") {
  return path_of(call, fmt::format("/topics/{}{}", topic, more));
}

constexpr std::string_view kTopicNames[] = {"topic_name",           "partitions_count",
                                            "replication_factor",   "configs",
                                            "replicas_assignments", "validate_only"};
constexpr std::string_view kNewCountNames[] = {"partitions_count", "validate_only"};
constexpr std::string_view kConfigNames[] = {"name", "value", "operation"};
constexpr std::string_view kAlterNames[] = {"data", "validate_only"};

bool is_true(const JsonTree* node) {
  return node && node->kind == engine::JsonKind::Boolean && node->boolean;
}

// ---- Clusters

void add_cluster(JsonWriter& json, const Call& call) {
  begin_resource(json, call, "KafkaCluster", path_of(call));
  for (const char* part : {"brokers", "topics"}) {
    json.key(part);
    json.begin_object();
    json.member("related", fmt::format("http://{}/v3/clusters{}/{}", call->view.address(),
                                       path_of(call), part));
    json.end_object();
  }
  json.end_object();
}
void list_clusters(const Call& call) {
  JsonWriter json;
  begin_list(json, call, "KafkaClusterList", "");
  add_cluster(json, call);
  answer_list(json, call);
}
void one_cluster(const Call& call) {
  if (!is_this_cluster(call)) return;
  JsonWriter json;
  add_cluster(json, call);
  call->answer(proxy_response(json.take()));
}

// ---- Topics

using Topic = kafka::MetadataResponse::Topic;

void ask_metadata(const Call& call, const std::string* topic,
                  std::function<void(const kafka::MetadataResponse&)> then) {
  if (!is_this_cluster(call)) return;
  kafka::MetadataRequest request;
  if (topic) request.topics.emplace().push_back({.name = *topic});
  request.allow_auto_topic_creation = false;
  call->ask<kafka::MetadataRequest, kafka::MetadataResponse>(request, 9, std::move(then));
}
void ask_topic(const Call& call, std::function<void(const Topic&)> then) {
  ask_metadata(call, &call->parameter(1),
               [call, then = std::move(then)](const kafka::MetadataResponse& response) {
                 if (response.topics.empty() || response.topics[0].error_code != KafkaError::None)
                   return call->answer(proxy_error(KafkaError::UnknownTopicOrPartition));
                 then(response.topics[0]);
               });
}

void add_topic(JsonWriter& json, const Call& call, std::string_view name, bool is_internal,
               size_t replicas, size_t partitions) {
  begin_resource(json, call, "KafkaTopic", topic_path(call, name));
  json.member("topic_name", name);
  json.member("is_internal", is_internal);
  json.member("replication_factor", static_cast<int64_t>(replicas));
  json.member("partitions_count", static_cast<int64_t>(partitions));
  json.end_object();
}
void add_topic(JsonWriter& json, const Call& call, const Topic& topic) {
  add_topic(json, call, topic.name.value_or(""), topic.is_internal,
            topic.partitions.empty() ? 0 : topic.partitions[0].replica_nodes.size(),
            topic.partitions.size());
}

void list_topics(const Call& call) {
  ask_metadata(call, nullptr, [call](const kafka::MetadataResponse& response) {
    JsonWriter json;
    begin_list(json, call, "KafkaTopicList", path_of(call, "/topics"));
    for (const Topic& topic : response.topics) add_topic(json, call, topic);
    answer_list(json, call);
  });
}
void one_topic(const Call& call) {
  ask_topic(call, [call](const Topic& topic) {
    JsonWriter json;
    add_topic(json, call, topic);
    call->answer(proxy_response(json.take()));
  });
}

// Reads a member that is a number of T; a missing one leaves `value` as it is. Refuses the call if the number does not
// fit into T, because a truncated number would create a topic with another count than requested.
template <class T>
bool read_count(const Call& call, const JsonTree& body, std::string_view name, T& value) {
  const JsonTree* node = body.find(name);
  if (!node || node->is_null()) return true;
  int32_t read = 0;
  const bool fits = absl::SimpleAtoi(node->text, &read) && std::in_range<T>(read);
  if (!fits)
    call->refuse(422,
                 fmt::format("{} must be a number up to {}", name, std::numeric_limits<T>::max()));
  value = static_cast<T>(read);
  return fits;
}

void create_topic(const Call& call) {
  if (!is_this_cluster(call)) return;
  const auto tree = body_of(call);
  if (!tree)
    return call->refuse(400, "the body of the request cannot be read: " + tree.error().message);
  if (!has_only(call, *tree, kTopicNames)) return;
  if (const JsonTree* assigned = tree->find("replicas_assignments");
      assigned && !assigned->items.empty())
    return call->refuse(501, "replicas_assignments is not supported; use replication_factor");
  int32_t partitions = -1;
  int16_t replicas = -1;
  if (!read_count(call, *tree, "partitions_count", partitions) ||
      !read_count(call, *tree, "replication_factor", replicas))
    return;
  kafka::CreateTopicsRequest request;
  request.timeout_ms = kClusterTimeoutMs;
  auto& topic = request.topics.emplace_back();
  const bool validates_only = is_true(tree->find("validate_only"));
  request.validate_only = validates_only;
  topic.name = tree->text_of("topic_name");
  topic.num_partitions = partitions;
  topic.replication_factor = replicas;
  if (const JsonTree* configs = tree->find("configs"))
    for (const JsonTree& config : configs->items) {
      if (!has_only(call, config, kConfigNames)) return;
      const JsonTree* value = config.find("value");
      topic.configs.push_back(
          {config.text_of("name"), value ? std::optional(value->text) : std::nullopt});
    }
  call->ask<kafka::CreateTopicsRequest, kafka::CreateTopicsResponse>(
      request, 7, [call, validates_only](const kafka::CreateTopicsResponse& response) {
        const auto& one = response.topics.at(0);
        if (one.error_code != KafkaError::None)
          return call->answer(proxy_error(one.error_code, one.error_message.value_or("")));
        JsonWriter json;
        add_topic(json, call, one.name, false,
                  static_cast<size_t>(std::max<int16_t>(one.replication_factor, 0)),
                  static_cast<size_t>(std::max(one.num_partitions, 0)));
        call->answer(proxy_response(json.take(), validates_only ? 200 : 201));
      });
}

void delete_topic(const Call& call) {
  if (!is_this_cluster(call)) return;
  kafka::DeleteTopicsRequest request;
  request.topic_names = {call->parameter(1)};
  request.timeout_ms = kClusterTimeoutMs;
  call->ask<kafka::DeleteTopicsRequest, kafka::DeleteTopicsResponse>(
      request, 4, [call](const kafka::DeleteTopicsResponse& response) {
        const auto& one = response.responses.at(0);
        if (one.error_code != KafkaError::None) return call->answer(proxy_error(one.error_code));
        call->answer({{.status = 204, .content_type = ""}, ""});
      });
}

// Adds partitions to a topic, and answers with the changed topic (Confluent's "Update Partition Count").
void add_partitions(const Call& call) {
  if (!is_this_cluster(call)) return;
  const auto tree = body_of(call);
  if (!tree)
    return call->refuse(400, "the body of the request cannot be read: " + tree.error().message);
  if (!has_only(call, *tree, kNewCountNames)) return;
  int32_t partitions = -1;
  if (!read_count(call, *tree, "partitions_count", partitions)) return;
  if (partitions < 1)
    return call->refuse(422, "the body of the request needs partitions_count, the new number");
  kafka::CreatePartitionsRequest request;
  request.timeout_ms = kClusterTimeoutMs;
  request.validate_only = is_true(tree->find("validate_only"));
  request.topics.push_back({.name = call->parameter(1), .count = partitions});
  call->ask<kafka::CreatePartitionsRequest, kafka::CreatePartitionsResponse>(
      request, 3, [call](const kafka::CreatePartitionsResponse& response) {
        const auto& one = response.results.at(0);
        if (one.error_code != KafkaError::None)
          return call->answer(proxy_error(one.error_code, one.error_message.value_or("")));
        one_topic(call);
      });
}

void list_partitions(const Call& call) {
  ask_topic(call, [call](const Topic& topic) {
    JsonWriter json;
    begin_list(json, call, "KafkaPartitionList",
               topic_path(call, call->parameter(1), "/partitions"));
    for (const auto& partition : topic.partitions) {
      begin_resource(json, call, "KafkaPartition",
                     topic_path(call, call->parameter(1),
                                fmt::format("/partitions/{}", partition.partition_index)));
      json.member("topic_name", call->parameter(1));
      json.member("partition_id", partition.partition_index);
      json.end_object();
    }
    answer_list(json, call);
  });
}

// ---- Settings of topics

void ask_configs(const Call& call,
                 std::function<void(const kafka::DescribeConfigsResponse::Resource&)> then) {
  if (!is_this_cluster(call)) return;
  kafka::DescribeConfigsRequest request;
  request.include_synonyms = true;
  request.include_documentation = true;
  auto& resource = request.resources.emplace_back();
  resource.resource_type = kTopicResource;
  resource.resource_name = call->parameter(1);
  call->ask<kafka::DescribeConfigsRequest, kafka::DescribeConfigsResponse>(
      request, 4, [call, then = std::move(then)](const kafka::DescribeConfigsResponse& response) {
        const auto& one = response.results.at(0);
        if (one.error_code != KafkaError::None) return call->answer(proxy_error(one.error_code));
        then(one);
      });
}
// Returns the name that Confluent's proxy has for a source of a value (https://kafka.apache.org/protocol, KIP-226).
std::string_view source_name(int8_t source) {
  switch (source) {
    case kafka::kFromTopic:
      return "DYNAMIC_TOPIC_CONFIG";
    case kafka::kFromNode:
      return "DYNAMIC_BROKER_CONFIG";
    case kafka::kFromAllNodes:
      return "DYNAMIC_DEFAULT_BROKER_CONFIG";
    case kafka::kFromBroker:
      return "STATIC_BROKER_CONFIG";
    default:
      return "DEFAULT_CONFIG";
  }
}
void add_config(JsonWriter& json, const Call& call,
                const kafka::DescribeConfigsResponse::Resource::Config& config) {
  begin_resource(json, call, "KafkaTopicConfig",
                 topic_path(call, call->parameter(1), "/configs/" + config.name));
  json.member("topic_name", call->parameter(1));
  json.member("name", config.name);
  json.key("value");
  config.value ? json.text(*config.value) : json.null();
  json.member("is_default", config.config_source != kafka::kFromTopic);
  json.member("is_read_only", config.read_only);
  json.member("is_sensitive", config.is_sensitive);
  json.member("source", source_name(config.config_source));
  json.key("synonyms");
  json.begin_array();
  for (const auto& synonym : config.synonyms) {
    json.begin_object();
    json.member("name", synonym.name);
    json.key("value");
    synonym.value ? json.text(*synonym.value) : json.null();
    json.member("source", source_name(synonym.source));
    json.end_object();
  }
  json.end_array();
  json.member("documentation", config.documentation.value_or(""));
  json.end_object();
}
void list_configs(const Call& call) {
  ask_configs(call, [call](const kafka::DescribeConfigsResponse::Resource& resource) {
    JsonWriter json;
    begin_list(json, call, "KafkaTopicConfigList",
               topic_path(call, call->parameter(1), "/configs"));
    for (const auto& config : resource.configs) add_config(json, call, config);
    answer_list(json, call);
  });
}
void one_config(const Call& call) {
  ask_configs(call, [call](const kafka::DescribeConfigsResponse::Resource& resource) {
    for (const auto& config : resource.configs) {
      if (config.name != call->parameter(2)) continue;
      JsonWriter json;
      add_config(json, call, config);
      return call->answer(proxy_response(json.take()));
    }
    call->refuse(404, fmt::format("Config {} cannot be found.", call->parameter(2)));
  });
}

using NewConfig = kafka::IncrementalAlterConfigsRequest::Resource::Config;
void alter(const Call& call, std::vector<NewConfig> configs, bool validates_only = false) {
  if (!is_this_cluster(call)) return;
  kafka::IncrementalAlterConfigsRequest request;
  request.validate_only = validates_only;
  request.resources.push_back({kTopicResource, call->parameter(1), std::move(configs)});
  call->ask<kafka::IncrementalAlterConfigsRequest, kafka::IncrementalAlterConfigsResponse>(
      request, 1, [call](const kafka::IncrementalAlterConfigsResponse& response) {
        const auto& one = response.responses.at(0);
        if (one.error_code != KafkaError::None)
          return call->answer(proxy_error(one.error_code, one.error_message.value_or("")));
        call->answer({{.status = 204, .content_type = ""}, ""});
      });
}
NewConfig read_config(const JsonTree& tree, const std::string& name) {
  const JsonTree* value = tree.find("value");
  const bool is_delete = tree.text_of("operation") == "DELETE" || !value || value->is_null();
  return {name, is_delete ? kDelete : kSet, is_delete ? std::nullopt : std::optional(value->text)};
}
void put_config(const Call& call) {
  const auto tree = body_of(call);
  if (!tree)
    return call->refuse(400, "the body of the request cannot be read: " + tree.error().message);
  if (!has_only(call, *tree, kConfigNames)) return;
  alter(call, {read_config(*tree, call->parameter(2))});
}
void delete_config(const Call& call) { alter(call, {{call->parameter(2), kDelete, {}}}); }
void alter_configs(const Call& call) {
  const auto tree = body_of(call);
  const JsonTree* data = tree ? tree->find("data") : nullptr;
  if (!data) return call->refuse(400, "the body of the request has no list of configs in \"data\"");
  if (!has_only(call, *tree, kAlterNames)) return;
  std::vector<NewConfig> configs;
  for (const JsonTree& item : data->items) {
    if (!has_only(call, item, kConfigNames)) return;
    configs.push_back(read_config(item, item.text_of("name")));
  }
  alter(call, std::move(configs), is_true(tree->find("validate_only")));
}

// ---- Groups

void list_groups(const Call& call) {
  if (!is_this_cluster(call)) return;
  call->ask<kafka::ListGroupsRequest, kafka::ListGroupsResponse>(
      {}, 5, [call](const kafka::ListGroupsResponse& response) {
        JsonWriter json;
        const bool is_one = call->request.path_parameters.size() > 1;
        if (!is_one)
          begin_list(json, call, "KafkaConsumerGroupList", path_of(call, "/consumer-groups"));
        bool has_found = false;
        for (const auto& group : response.groups) {
          if (is_one && group.group_id != call->parameter(1)) continue;
          has_found = true;
          begin_resource(json, call, "KafkaConsumerGroup",
                         path_of(call, "/consumer-groups/" + group.group_id));
          json.member("consumer_group_id", group.group_id);
          json.member("is_simple", group.protocol_type.empty());
          json.member("type", group.group_type);
          json.member("state", group.group_state);
          json.end_object();
        }
        if (!is_one) return answer_list(json, call);
        if (!has_found)
          return call->refuse(
              404, fmt::format("Consumer group {} cannot be found.", call->parameter(1)));
        call->answer(proxy_response(json.take()));
      });
}

struct Lag {
  int64_t committed = -1, end = -1;
};
using Lags = std::map<std::pair<std::string, int32_t>, Lag>;

void ask_ends(const Call& call, Lags lags, std::function<void(const Lags&)> then) {
  kafka::ListOffsetsRequest request;
  for (const auto& [at, lag] : lags) {
    if (request.topics.empty() || request.topics.back().name != at.first)
      request.topics.push_back({.name = at.first});
    request.topics.back().partitions.push_back({.partition_index = at.second});
  }
  call->ask<kafka::ListOffsetsRequest, kafka::ListOffsetsResponse>(
      request, 5,
      [lags = std::move(lags),
       then = std::move(then)](const kafka::ListOffsetsResponse& response) mutable {
        for (const auto& topic : response.topics)
          for (const auto& partition : topic.partitions)
            if (partition.error_code == KafkaError::None)
              lags[{topic.name, partition.partition_index}].end = partition.offset;
        then(lags);
      });
}
void ask_lags(const Call& call, std::function<void(const Lags&)> then) {
  if (!is_this_cluster(call)) return;
  kafka::OffsetFetchRequest request;
  request.groups.emplace_back().group_id = call->parameter(1);
  call->ask<kafka::OffsetFetchRequest, kafka::OffsetFetchResponse>(
      request, 8, [call, then = std::move(then)](const kafka::OffsetFetchResponse& response) {
        Lags lags;
        for (const auto& group : response.groups)
          for (const auto& topic : group.topics)
            for (const auto& partition : topic.partitions)
              if (partition.committed_offset >= 0)
                lags[{topic.name, partition.partition_index}].committed =
                    partition.committed_offset;
        if (lags.empty())
          return call->refuse(404,
                              fmt::format("Consumer group {} has no offsets.", call->parameter(1)));
        ask_ends(call, std::move(lags), then);
      });
}
void list_lags(const Call& call) {
  ask_lags(call, [call](const Lags& lags) {
    const std::string path =
        path_of(call, fmt::format("/consumer-groups/{}/lags", call->parameter(1)));
    JsonWriter json;
    begin_list(json, call, "KafkaConsumerLagList", path);
    for (const auto& [at, lag] : lags) {
      begin_resource(json, call, "KafkaConsumerLag", path);
      json.member("consumer_group_id", call->parameter(1));
      json.member("topic_name", at.first);
      json.member("partition_id", at.second);
      json.member("current_offset", lag.committed);
      json.member("log_end_offset", lag.end);
      json.member("lag", std::max<int64_t>(0, lag.end - lag.committed));
      json.end_object();
    }
    answer_list(json, call);
  });
}
void lag_summary(const Call& call) {
  ask_lags(call, [call](const Lags& lags) {
    int64_t total = 0, most = -1;
    const std::pair<std::string, int32_t>* where = nullptr;
    for (const auto& [at, lag] : lags) {
      const int64_t behind = std::max<int64_t>(0, lag.end - lag.committed);
      total += behind;
      if (behind <= most) continue;
      most = behind;
      where = &at;
    }
    JsonWriter json;
    begin_resource(
        json, call, "KafkaConsumerGroupLagSummary",
        path_of(call, fmt::format("/consumer-groups/{}/lag-summary", call->parameter(1))));
    json.member("consumer_group_id", call->parameter(1));
    json.member("max_lag_topic_name", where->first);
    json.member("max_lag_partition_id", where->second);
    json.member("max_lag", most);
    json.member("total_lag", total);
    json.end_object();
    call->answer(proxy_response(json.take()));
  });
}

struct PageRow {
  const char *method, *path;
  ProxyWork work;
};
constexpr PageRow kPages[] = {
    {"GET", "/v3/clusters", list_clusters},
    {"GET", "/v3/clusters/{cluster}", one_cluster},
    {"GET", "/v3/clusters/{cluster}/topics", list_topics},
    {"POST", "/v3/clusters/{cluster}/topics", create_topic},
    {"GET", "/v3/clusters/{cluster}/topics/{topic}", one_topic},
    {"PATCH", "/v3/clusters/{cluster}/topics/{topic}", add_partitions},
    {"DELETE", "/v3/clusters/{cluster}/topics/{topic}", delete_topic},
    {"GET", "/v3/clusters/{cluster}/topics/{topic}/partitions", list_partitions},
    {"GET", "/v3/clusters/{cluster}/topics/{topic}/configs", list_configs},
    {"POST", "/v3/clusters/{cluster}/topics/{topic}/configs:alter", alter_configs},
    {"GET", "/v3/clusters/{cluster}/topics/{topic}/configs/{name}", one_config},
    {"PUT", "/v3/clusters/{cluster}/topics/{topic}/configs/{name}", put_config},
    {"DELETE", "/v3/clusters/{cluster}/topics/{topic}/configs/{name}", delete_config},
    {"GET", "/v3/clusters/{cluster}/consumer-groups", list_groups},
    {"GET", "/v3/clusters/{cluster}/consumer-groups/{group}", list_groups},
    {"GET", "/v3/clusters/{cluster}/consumer-groups/{group}/lags", list_lags},
    {"GET", "/v3/clusters/{cluster}/consumer-groups/{group}/lag-summary", lag_summary},
};

}  // namespace

void add_cluster_pages(Routes& routes, const ProxyView& view) {
  for (const PageRow& row : kPages)
    routes.add({row.method, row.path, proxy_handler(view, row.work)});
}

}  // namespace server::http
