#include "server/node/kafka_requests.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/kafka/configs.h"
#include "server/kafka/messages/find_coordinator_request.h"
#include "server/kafka/messages/find_coordinator_response.h"
#include "server/kafka/messages/incremental_alter_configs_request.h"
#include "server/kafka/messages/incremental_alter_configs_response.h"
#include "server/kafka/messages/list_offsets_request.h"
#include "server/kafka/messages/list_offsets_response.h"
#include "server/kafka/messages/offset_commit_request.h"
#include "server/kafka/messages/offset_commit_response.h"
#include "server/kafka/wire_errors.h"

namespace server {

namespace {

using kafka::FindCoordinatorRequest, kafka::FindCoordinatorResponse;
using kafka::IncrementalAlterConfigsRequest, kafka::IncrementalAlterConfigsResponse;
using kafka::ListOffsetsRequest, kafka::ListOffsetsResponse;
using kafka::OffsetCommitRequest, kafka::OffsetCommitResponse;

// The versions of the requests: the newest version whose lengths have a fixed size, or the first version with the
// needed fields.
constexpr int16_t kListOffsets = 5, kFindCoordinator = 4, kOffsetCommit = 7, kAlterConfigs = 1;

// https://kafka.apache.org/protocol#protocol_error_codes
constexpr KafkaError kGroupHasMembers{25};

// Returns NotLeader if another node can answer the request now or soon, and this request has changed nothing.
Error kafka_failure(KafkaError error, const std::string& what) {
  // The leader or the coordinator is not this node, is being chosen, or is loading its groups after it was chosen.
  constexpr KafkaError kMoved[] = {KafkaError{5}, KafkaError::NotLeaderOrFollower, KafkaError{16},
                                   KafkaError{15}, KafkaError{14}};
  if (std::ranges::find(kMoved, error) != std::end(kMoved))
    return {ErrorCode::NotLeader,
            what + " has moved to another node, which is not ready yet",
            {},
            "Send the statement again."};
  return {ErrorCode::NetworkFailure,
          fmt::format("{}: error {} of Kafka's protocol", what, static_cast<int>(error))};
}

std::string name_of(const std::string& topic, int32_t partition) {
  return fmt::format("partition {} of topic \"{}\"", partition, topic);
}

// Collects the answers of several nodes, and reports the result when the last one has arrived.
struct GatheredRequests {
  size_t left = 0;
  Result<KafkaAdmin::Offsets> offsets = KafkaAdmin::Offsets();
  KafkaAdmin::Done<KafkaAdmin::Offsets> done;

  void take(const Result<ListOffsetsResponse>& answer) {
    if (!answer)
      offsets = answer.error();
    else
      for (const auto& topic : answer->topics)
        for (const auto& each : topic.partitions)
          if (offsets && each.error_code != KafkaError::None)
            offsets = kafka_failure(each.error_code,
                                    name_of(std::string(topic.name), each.partition_index));
          else if (offsets && each.offset >= 0)
            offsets->emplace(KafkaAdmin::Place{std::string(topic.name), each.partition_index},
                             each.offset);
    if (--left == 0) done(std::move(offsets));
  }
};

Result<void> result_of(const OffsetCommitResponse& response, const std::string& group) {
  KafkaError error = KafkaError::None;
  std::string where;
  size_t committed = 0;
  for (const auto& topic : response.topics)
    for (const auto& partition : topic.partitions) {
      committed += partition.error_code == KafkaError::None;
      if (partition.error_code == KafkaError::None || error != KafkaError::None) continue;
      error = partition.error_code;
      where = name_of(std::string(topic.name), partition.partition_index);
    }
  if (error == KafkaError::None) return {};
  if (error == kGroupHasMembers)
    return Error{ErrorCode::ObjectState,
                 fmt::format("consumer group \"{}\" has members", group),
                 {},
                 "The offsets can be changed when all members have left the group."};
  Error failure = kafka_failure(error, "the offset of " + where);
  if (committed > 0)
    failure.detail = fmt::format("The offsets of {} other partitions are changed.", committed);
  return failure;
}

}  // namespace

void KafkaRequests::run(Work work) {
  // A call that was posted and is executed after the destruction of this object does nothing.
  callback_.on(parts_.loop, [this, work = std::move(work)] {
    const uint64_t number = ++last_;
    work(*clients_.emplace(number, parts_.open()).first->second, number);
  })();
}

void KafkaRequests::end(uint64_t number) {
  // The client may be calling back, so it is destroyed later.
  callback_.on(parts_.loop, [this, number] { clients_.erase(number); })();
}

void KafkaRequests::handle(std::string frame, std::function<void(Result<std::string>)> done) {
  run([this, frame = std::move(frame), done = std::move(done)](kafka::LocalClient& client,
                                                               uint64_t number) {
    client.send(frame, [this, number, done](Result<std::string_view> answer) {
      end(number);
      if (answer)
        done(std::string(*answer));
      else
        done(answer.error());
    });
  });
}

void KafkaRequests::alter_topic(std::string topic, std::vector<engine::AlterTopic::Change> changes,
                                Done<void> done) {
  run([this, topic = std::move(topic), changes = std::move(changes), done = std::move(done)](
          kafka::LocalClient& client, uint64_t number) {
    constexpr int8_t kSet = 0, kDelete = 1;
    IncrementalAlterConfigsRequest request;
    auto& resource = request.resources.emplace_back();
    resource.resource_type = kafka::kTopicResource;
    resource.resource_name = topic;
    for (const engine::AlterTopic::Change& change : changes)
      resource.configs.push_back({change.name, change.value ? kSet : kDelete, change.value});
    client.ask<IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse>(
        request, kAlterConfigs,
        [done =
             ending<void>(number, done)](const Result<IncrementalAlterConfigsResponse>& response) {
          if (!response) return done(response.error());
          const auto& answer = response->responses.at(0);
          if (answer.error_code == KafkaError::None) return done({});
          done(Error{answer.error_code == KafkaError::UnknownTopicOrPartition
                         ? ErrorCode::UnknownTopic
                         : ErrorCode::InvalidParameter,
                     std::string(answer.error_message.value_or("the settings are not changed"))});
        });
  });
}

void KafkaRequests::find_offsets(std::vector<Place> places, int64_t time_ms, Done<Offsets> done) {
  const auto topics = parts_.definitions.image()->topics;
  std::map<int32_t, ListOffsetsRequest> by_node;
  for (const Place& place : places) {
    const storage::TopicInfo* topic = topics->find(place.topic);
    const auto leader = topic ? parts_.topics.leader_of({topic->id, PartitionId(place.partition)})
                              : std::optional<int32_t>();
    auto& asked = by_node[leader.value_or(parts_.self)].topics;
    if (asked.empty() || asked.back().name != place.topic) asked.push_back({.name = place.topic});
    asked.back().partitions.push_back({.partition_index = place.partition, .timestamp = time_ms});
  }
  if (by_node.empty()) return done(Offsets());
  run([this, by_node = std::move(by_node), done = std::move(done)](kafka::LocalClient& client,
                                                                   uint64_t number) {
    const auto gathered = std::make_shared<GatheredRequests>();
    gathered->left = by_node.size();
    gathered->done = ending<Offsets>(number, done);
    for (const auto& [node, request] : by_node)
      client.ask_node<ListOffsetsRequest, ListOffsetsResponse>(
          node, request, kListOffsets,
          [gathered](const Result<ListOffsetsResponse>& answer) { gathered->take(answer); });
  });
}

void KafkaRequests::commit_offsets(std::string group, Offsets offsets, Done<void> done) {
  run([this, group = std::move(group), offsets = std::move(offsets), done = std::move(done)](
          kafka::LocalClient& client, uint64_t number) {
    FindCoordinatorRequest request;
    request.coordinator_keys = {group};
    client.ask<FindCoordinatorRequest, FindCoordinatorResponse>(
        request, kFindCoordinator,
        [this, &client, group, offsets,
         done = ending<void>(number, done)](const Result<FindCoordinatorResponse>& response) {
          if (!response) return done(response.error());
          const auto& found = response->coordinators.at(0);
          if (found.error_code != KafkaError::None)
            return done(kafka_failure(
                found.error_code, fmt::format("the coordinator of consumer group \"{}\"", group)));
          commit_at(client, found.node_id, group, offsets, done);
        });
  });
}

void KafkaRequests::commit_at(kafka::LocalClient& client, int32_t node, const std::string& group,
                              const Offsets& offsets, const Done<void>& done) {
  // A generation below 0 marks a commit of a client that is not a member. The coordinator accepts
  // it from an empty group only (https://kafka.apache.org/protocol, OffsetCommit).
  OffsetCommitRequest request;
  request.group_id = group;
  request.generation_id_or_member_epoch = -1;
  for (const auto& [place, offset] : offsets) {
    if (request.topics.empty() || request.topics.back().name != place.topic)
      request.topics.push_back({.name = place.topic});
    OffsetCommitRequest::Topic::Partition partition;
    partition.partition_index = place.partition;
    partition.committed_offset = offset;
    request.topics.back().partitions.push_back(std::move(partition));
  }
  client.ask_node<OffsetCommitRequest, OffsetCommitResponse>(
      node, request, kOffsetCommit, [group, done](const Result<OffsetCommitResponse>& response) {
        if (response) return done(result_of(*response, group));
        Error error = response.error();
        error.detail = "The offsets may have been changed.";
        done(std::move(error));
      });
}

}  // namespace server
