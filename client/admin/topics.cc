#include "client/admin/topics.h"

#include <array>
#include <chrono>
#include <thread>

#include "client/admin/admin_request.h"

namespace client {

namespace {

constexpr int kServerDefault = -1;  // the server chooses the number of partitions or replicas

using NewTopicHandle = Owned<rd_kafka_NewTopic_t, rd_kafka_NewTopic_destroy>;
using DeleteTopicHandle = Owned<rd_kafka_DeleteTopic_t, rd_kafka_DeleteTopic_destroy>;
using NewPartitionsHandle = Owned<rd_kafka_NewPartitions_t, rd_kafka_NewPartitions_destroy>;
using ConfigResource = Owned<rd_kafka_ConfigResource_t, rd_kafka_ConfigResource_destroy>;

Status check(const rd_kafka_topic_result_t* const* results, size_t count) {
  for (size_t i = 0; i < count; ++i)
    if (const rd_kafka_resp_err_t code = rd_kafka_topic_result_error(results[i]))
      return kafka_failure(code, rd_kafka_topic_result_error_string(results[i]));
  return {};
}

}  // namespace

Status create_topic(Connection& connection, const NewTopic& topic) {
  std::array<char, 512> problem{};
  // If the replicas are given, librdkafka needs the number of partitions here, but sends -1 to the
  // server, as the protocol requires.
  const int given =
      topic.replicas.empty() ? kServerDefault : static_cast<int>(topic.replicas.size());
  const NewTopicHandle request(rd_kafka_NewTopic_new(
      topic.name.c_str(), topic.partitions.value_or(given),
      topic.replication_factor.value_or(kServerDefault), problem.data(), problem.size()));
  if (!request) return Error{ErrorCode::InvalidParameter, problem.data()};
  int32_t partition = 0;
  for (std::vector<int32_t> nodes : topic.replicas)
    if (rd_kafka_NewTopic_set_replica_assignment(request.get(), partition++, nodes.data(),
                                                 nodes.size(), problem.data(), problem.size()))
      return Error{ErrorCode::InvalidParameter, problem.data()};
  for (const auto& [name, value] : topic.config)
    rd_kafka_NewTopic_set_config(request.get(), name.c_str(), value.c_str());
  rd_kafka_NewTopic_t* requests[] = {request.get()};
  const Event event = TRY(ask_admin(connection, [&](rd_kafka_queue_t* queue) {
    rd_kafka_CreateTopics(connection.handle(), requests, 1, nullptr, queue);
  }));
  size_t count = 0;
  const auto* results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  return check(results, count);
}

Status delete_topic(Connection& connection, const std::string& name) {
  const DeleteTopicHandle request(rd_kafka_DeleteTopic_new(name.c_str()));
  rd_kafka_DeleteTopic_t* requests[] = {request.get()};
  const Event event = TRY(ask_admin(connection, [&](rd_kafka_queue_t* queue) {
    rd_kafka_DeleteTopics(connection.handle(), requests, 1, nullptr, queue);
  }));
  size_t count = 0;
  const auto* results =
      rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event.get()), &count);
  return check(results, count);
}

Status add_partitions(Connection& connection, const std::string& name, int partitions,
                      std::vector<std::vector<int32_t>> replicas) {
  std::array<char, 512> problem{};
  const NewPartitionsHandle request(rd_kafka_NewPartitions_new(
      name.c_str(), static_cast<size_t>(partitions), problem.data(), problem.size()));
  if (!request) return Error{ErrorCode::InvalidParameter, problem.data()};
  for (size_t i = 0; i < replicas.size(); ++i)
    if (rd_kafka_NewPartitions_set_replica_assignment(request.get(), static_cast<int32_t>(i),
                                                      replicas[i].data(), replicas[i].size(),
                                                      problem.data(), problem.size()))
      return Error{ErrorCode::InvalidParameter, problem.data()};
  rd_kafka_NewPartitions_t* requests[] = {request.get()};
  const Event event = TRY(ask_admin(connection, [&](rd_kafka_queue_t* queue) {
    rd_kafka_CreatePartitions(connection.handle(), requests, 1, nullptr, queue);
  }));
  size_t count = 0;
  const auto* results = rd_kafka_CreatePartitions_result_topics(
      rd_kafka_event_CreatePartitions_result(event.get()), &count);
  return check(results, count);
}

Result<std::map<std::string, Properties>> topic_configs(Connection& connection,
                                                        const std::vector<std::string>& names) {
  std::map<std::string, Properties> configs;
  if (names.empty()) return configs;
  std::vector<ConfigResource> resources;
  std::vector<rd_kafka_ConfigResource_t*> requests;
  for (const std::string& name : names) {
    resources.emplace_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name.c_str()));
    requests.push_back(resources.back().get());
  }
  const Result<Event> event = ask_admin(connection, [&](rd_kafka_queue_t* queue) {
    rd_kafka_DescribeConfigs(connection.handle(), requests.data(), requests.size(), nullptr, queue);
  });
  if (!event && event.error().code == ErrorCode::NotSupported) return configs;
  if (!event) return event.error();
  size_t count = 0;
  const auto* results = rd_kafka_DescribeConfigs_result_resources(
      rd_kafka_event_DescribeConfigs_result(event->get()), &count);
  for (size_t i = 0; i < count; ++i) {
    size_t entry_count = 0;
    const auto* entries = rd_kafka_ConfigResource_configs(results[i], &entry_count);
    Properties& config = configs[rd_kafka_ConfigResource_name(results[i])];
    for (size_t j = 0; j < entry_count; ++j) {
      const char* value = rd_kafka_ConfigEntry_value(entries[j]);
      if (!rd_kafka_ConfigEntry_is_default(entries[j]))
        config[rd_kafka_ConfigEntry_name(entries[j])] = value ? value : "";
    }
  }
  return configs;
}

namespace {

// Returns the offset of the first record at `timestamp` or later. If `timestamp` is one of
// librdkafka's constants for the begin or the end of a partition, returns that offset.
// rd_kafka_query_watermark_offsets() is not used, because it ignores its time-out if the leader is
// frozen.
Result<int64_t> offset_at(Connection& connection, const std::string& topic, PartitionId partition,
                          int64_t timestamp) {
  constexpr int kTries = 5;
  constexpr std::chrono::milliseconds kPause{200};
  for (int left = kTries - 1;; --left) {
    const PartitionList list(rd_kafka_topic_partition_list_new(1));
    auto* asked = rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition.value());
    asked->offset = timestamp;
    rd_kafka_resp_err_t code =
        rd_kafka_offsets_for_times(connection.handle(), list.get(), kAdminTimeoutMs);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) code = asked->err;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return asked->offset;
    // If the leader of the partition has just changed, the request is repeated.
    if (code != RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION || left == 0) return kafka_failure(code);
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace

Result<OffsetRange> offset_range(Connection& connection, const std::string& topic,
                                 PartitionId partition) {
  const int64_t first = TRY(offset_at(connection, topic, partition, RD_KAFKA_OFFSET_BEGINNING));
  const int64_t end = TRY(offset_at(connection, topic, partition, RD_KAFKA_OFFSET_END));
  return OffsetRange{Offset{first}, Offset{end}};
}

Result<std::vector<int64_t>> offsets_at_time(Connection& connection, const TopicDescription& topic,
                                             int64_t timestamp_ms) {
  const PartitionList list(
      rd_kafka_topic_partition_list_new(static_cast<int>(topic.partitions.size())));
  for (const PartitionDescription& partition : topic.partitions)
    rd_kafka_topic_partition_list_add(list.get(), topic.name.c_str(), partition.id.value())
        ->offset = timestamp_ms;
  if (const rd_kafka_resp_err_t code =
          rd_kafka_offsets_for_times(connection.handle(), list.get(), kAdminTimeoutMs))
    return kafka_failure(code);
  std::vector<int64_t> offsets;
  for (int i = 0; i < list->cnt; ++i) offsets.push_back(list->elems[i].offset);
  return offsets;
}

}  // namespace client
