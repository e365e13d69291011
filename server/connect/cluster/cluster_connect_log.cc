#include "server/connect/cluster/cluster_connect_log.h"

#include <fmt/format.h>

#include <chrono>
#include <map>
#include <thread>
#include <utility>

#include "engine/connect/state_record.h"

namespace server {

namespace {

std::function<std::optional<Uuid>()> state_topic_in(ClusterConnectLog::FindTopics find_topics) {
  return [find_topics = std::move(find_topics)]() -> std::optional<Uuid> {
    const auto topics = find_topics();
    const storage::TopicInfo* const topic = topics->find(engine::kConnectStateTopic);
    return topic == nullptr ? std::nullopt : std::optional(topic->id);
  };
}

}  // namespace

ClusterConnectLog::ClusterConnectLog(storage::Log& log, const Clock& clock, FindTopics find_topics,
                                     ConnectAppends appends)
    : LocalConnectLog(log, clock, state_topic_in(find_topics)),
      find_topics_(std::move(find_topics)),
      appends_(std::move(appends)) {}

// The part of __connect_state is the last one.
Result<std::vector<ConnectAppends::Part>> ClusterConnectLog::parts_of(ConnectCommit commit) const {
  const storage::TopicPartition state = TRY(in_log(commit.state_partition));
  const auto topics = find_topics_();
  // A transaction has one part for each partition.
  std::map<storage::TopicPartition, std::string> batches;
  for (storage::PartitionBatches& part : commit.records) batches[part.partition] += part.batches;
  std::vector<ConnectAppends::Part> parts;
  for (auto& [partition, bytes] : batches) {
    const storage::TopicInfo* const topic = topics->find(partition.topic);
    if (topic == nullptr)
      return Error{ErrorCode::UnknownTopic, "a topic of the connector was deleted"};
    parts.push_back({topic->name, partition, std::move(bytes)});
  }
  parts.push_back({std::string(engine::kConnectStateTopic), state,
                   state_batch(commit.state, clock().wall_ms())});
  if (commit.since != kNoCondition) parts.back().since = commit.since;
  return parts;
}

void ClusterConnectLog::commit(ConnectCommit commit, std::function<void(Result<Offset>)> done) {
  auto parts = parts_of(std::move(commit));
  if (!parts) return done(parts.error());
  if (parts->size() == 1 && !parts->back().since)
    return appends_.append(std::move(parts->back()),
                           [done = std::move(done)](Result<storage::AppendedBatch> appended) {
                             if (!appended) return done(std::move(appended).error());
                             done(appended->last_offset + 1);
                           });
  appends_.commit(
      *std::move(parts),
      [done = std::move(done)](const Result<std::vector<storage::AppendedBatch>>& committed) {
        if (!committed) return done(committed.error());
        done(committed->back().last_offset + 1);
      });
}

Status ClusterConnectLog::read(PartitionId state_partition, ConnectState& state) {
  Status status = LocalConnectLog::read(state_partition, state);
  if (status || status.error().code != ErrorCode::UnknownTopic) return status;
  Error error = std::move(status).error();
  error.message = fmt::format("this node has no replica of partition {} of __connect_state",
                              state_partition.value());
  error.hint = "Run the statement on a node that has one, or add a replica to this node.";
  return error;
}

void ClusterConnectLog::await_writable() {
  // Another node may have refused the records. This node then learns nothing about its disk.
  constexpr std::chrono::milliseconds kPause(200);
  std::this_thread::sleep_for(kPause);
  LocalConnectLog::await_writable();
}

}  // namespace server
