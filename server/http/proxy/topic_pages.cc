// Serves /topics and /brokers: descriptions of topics and brokers (version 2 of the API).
#include <functional>

#include "engine/json/json_writer.h"
#include "server/http/proxy/proxy_call.h"
#include "server/http/proxy/proxy_handlers.h"
#include "server/kafka/messages/list_offsets_request.h"
#include "server/kafka/messages/list_offsets_response.h"
#include "server/kafka/messages/metadata_request.h"
#include "server/kafka/messages/metadata_response.h"

namespace server::http {

namespace {

using engine::JsonWriter;
using Topic = kafka::MetadataResponse::Topic;
constexpr int16_t kTopicMetadataVersion = 9, kEndsVersion = 5;

// Asks the Kafka side for the metadata of one topic, or of all topics.
void ask_metadata(const std::shared_ptr<ProxyCall>& call, const std::string* topic,
                  std::function<void(const kafka::MetadataResponse&)> then) {
  kafka::MetadataRequest request;
  if (topic) request.topics.emplace().push_back({.name = *topic});
  request.allow_auto_topic_creation = false;
  call->ask<kafka::MetadataRequest, kafka::MetadataResponse>(request, kTopicMetadataVersion,
                                                             std::move(then));
}

void ask_topic(const std::shared_ptr<ProxyCall>& call, std::function<void(const Topic&)> then) {
  ask_metadata(call, &call->parameter(0),
               [call, then = std::move(then)](const kafka::MetadataResponse& response) {
                 if (response.topics.empty() || response.topics[0].error_code != KafkaError::None)
                   return call->refuse(40401, "Topic not found.");
                 then(response.topics[0]);
               });
}

void answer(ProxyCall& call, JsonWriter& json) {
  Response response = proxy_response(json.take());
  response.head.content_type = kProxyJson;
  call.answer(std::move(response));
}

void add_partition(JsonWriter& json, const Topic::Partition& partition) {
  json.begin_object();
  json.member("partition", partition.partition_index);
  json.member("leader", partition.leader_id);
  json.key("replicas");
  json.begin_array();
  for (const int32_t node : partition.replica_nodes) {
    json.begin_object();
    json.member("broker", node);
    json.member("leader", node == partition.leader_id);
    json.member("in_sync",
                std::ranges::find(partition.isr_nodes, node) != partition.isr_nodes.end());
    json.end_object();
  }
  json.end_array();
  json.end_object();
}

void add_partitions(JsonWriter& json, const Topic& topic) {
  json.begin_array();
  for (const Topic::Partition& partition : topic.partitions) add_partition(json, partition);
  json.end_array();
}

const Topic::Partition* find_partition(const Topic& topic, const std::string& number) {
  for (const Topic::Partition& partition : topic.partitions)
    if (std::to_string(partition.partition_index) == number) return &partition;
  return nullptr;
}

void list_topics(const std::shared_ptr<ProxyCall>& call) {
  ask_metadata(call, nullptr, [call](const kafka::MetadataResponse& response) {
    JsonWriter json;
    json.begin_array();
    for (const Topic& topic : response.topics)
      if (topic.name) json.text(*topic.name);
    json.end_array();
    answer(*call, json);
  });
}

void one_topic(const std::shared_ptr<ProxyCall>& call) {
  ask_topic(call, [call](const Topic& topic) {
    JsonWriter json;
    json.begin_object();
    json.member("name", call->parameter(0));
    json.key("configs");
    json.begin_object();
    json.end_object();
    json.key("partitions");
    add_partitions(json, topic);
    json.end_object();
    answer(*call, json);
  });
}

void list_partitions(const std::shared_ptr<ProxyCall>& call) {
  ask_topic(call, [call](const Topic& topic) {
    JsonWriter json;
    add_partitions(json, topic);
    answer(*call, json);
  });
}

void one_partition(const std::shared_ptr<ProxyCall>& call) {
  ask_topic(call, [call](const Topic& topic) {
    const Topic::Partition* partition = find_partition(topic, call->parameter(1));
    if (!partition) return call->refuse(40402, "Partition not found.");
    JsonWriter json;
    add_partition(json, *partition);
    answer(*call, json);
  });
}

void ends_of_partition(const std::shared_ptr<ProxyCall>& call) {
  ask_topic(call, [call](const Topic& topic) {
    const Topic::Partition* partition = find_partition(topic, call->parameter(1));
    if (!partition) return call->refuse(40402, "Partition not found.");
    auto beginning = std::make_shared<int64_t>(-1);
    for (const int64_t timestamp : {-2, -1}) {
      kafka::ListOffsetsRequest request;
      request.topics.resize(1);
      request.topics[0].name = call->parameter(0);
      request.topics[0].partitions.push_back(
          {.partition_index = partition->partition_index, .timestamp = timestamp});
      call->ask<kafka::ListOffsetsRequest, kafka::ListOffsetsResponse>(
          request, kEndsVersion,
          [call, beginning, timestamp](const kafka::ListOffsetsResponse& response) {
            const auto& one = response.topics.at(0).partitions.at(0);
            if (one.error_code != KafkaError::None)
              return call->answer(proxy_error(one.error_code));
            if (timestamp == -2) {
              *beginning = one.offset;
              return;
            }
            JsonWriter json;
            json.begin_object();
            json.member("beginning_offset", *beginning);
            json.member("end_offset", one.offset);
            json.end_object();
            answer(*call, json);
          });
    }
  });
}

void list_brokers(const std::shared_ptr<ProxyCall>& call) {
  ask_metadata(call, nullptr, [call](const kafka::MetadataResponse& response) {
    JsonWriter json;
    json.begin_object();
    json.key("brokers");
    json.begin_array();
    for (const auto& broker : response.brokers) json.number(broker.node_id);
    json.end_array();
    json.end_object();
    answer(*call, json);
  });
}

}  // namespace

void add_topic_pages(Routes& routes, const ProxyView& view) {
  const std::pair<const char*, ProxyWork> pages[] = {
      {"/topics", list_topics},
      {"/topics/{topic}", one_topic},
      {"/topics/{topic}/partitions", list_partitions},
      {"/topics/{topic}/partitions/{partition}", one_partition},
      {"/topics/{topic}/partitions/{partition}/offsets", ends_of_partition},
      {"/brokers", list_brokers},
  };
  for (const auto& [path, work] : pages) routes.add({"GET", path, proxy_handler(view, work)});
}

}  // namespace server::http
