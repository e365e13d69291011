#include "server/node/shared_topics.h"

#include <algorithm>
#include <utility>

#include "records/batch.h"
#include "server/kafka/leaders.h"
#include "server/kafka/turn.h"
#include "storage/log/transaction_index.h"

namespace server {

using coordinator::TopicIdPartition;

namespace {

storage::TopicPartition in_log(const TopicIdPartition& partition) {
  return {partition.topic_id, PartitionId(partition.partition)};
}

}  // namespace

Result<int32_t> SharedTopics::leader_epoch(const TopicIdPartition& partition) {
  const storage::TopicPartition id = in_log(partition);
  const auto status = backend_.find_partition(id);
  if (!status || kafka::Leaders(backend_).of(id).error != KafkaError::None)
    return Error{ErrorCode::NotLeader, "another node leads the partition"};
  return status->leader_epoch().value();
}

Result<SharedTopics::Extent> SharedTopics::extent(const TopicIdPartition& partition,
                                                  bool reads_committed) {
  const storage::TopicPartition id = in_log(partition);
  storage::LogReader& reader = backend_.reader();
  const kafka::Turn turn(reader);
  TRY(turn.begun());
  return Extent{
      TRY(reader.log_start(id)).value(),
      (reads_committed ? TRY(reader.last_stable_offset(id)) : TRY(reader.readable_end(id)))
          .value()};
}

Result<int64_t> SharedTopics::offset_at(const TopicIdPartition& partition, int64_t timestamp) {
  const storage::TopicPartition id = in_log(partition);
  storage::LogReader& reader = backend_.reader();
  const kafka::Turn turn(reader);
  TRY(turn.begun());
  const Offset start = TRY(reader.log_start(id));
  const auto batch = TRY(reader.batch_for_time(id, timestamp, start));
  return batch ? batch->base_offset.value() : TRY(reader.readable_end(id)).value();
}

Result<std::vector<SharedTopics::Batch>> SharedTopics::batches(const TopicIdPartition& partition,
                                                               int64_t from, size_t max_bytes,
                                                               bool reads_committed) {
  const storage::TopicPartition id = in_log(partition);
  storage::LogReader& reader = backend_.reader();
  const kafka::Turn turn(reader);
  TRY(turn.begun());
  const auto found = TRY(reader.read(
      id, Offset(from), max_bytes,
      reads_committed ? storage::ReadUpTo::LastStable : storage::ReadUpTo::HighWatermark));
  std::vector<Batch> all;
  if (found.empty()) return all;
  const storage::AbortedBatches aborted(
      reads_committed
          ? TRY(reader.aborted(id, found.front().base_offset, found.back().last_offset + 1))
          : std::vector<storage::AbortedTransaction>());
  for (const storage::BatchRef& batch : found) {
    const auto view = TRY(records::parse_batch(batch.bytes, records::BatchCheck::Shape));
    all.push_back({batch.base_offset.value(), batch.last_offset.value(), batch.bytes.size(),
                   !view.header.is_control() && !aborted.contains(view.header)});
  }
  return all;
}

void SharedTopics::watch(const TopicIdPartition& partition) {
  const std::lock_guard lock(mutex_);
  ++watched_[in_log(partition)];
}

void SharedTopics::unwatch(const TopicIdPartition& partition) {
  const std::lock_guard lock(mutex_);
  const auto found = watched_.find(in_log(partition));
  if (found != watched_.end() && --found->second == 0) watched_.erase(found);
}

void SharedTopics::grown(std::span<const storage::TopicPartition> partitions) {
  bool is_first;
  {
    const std::lock_guard lock(mutex_);
    is_first = grown_.empty();
    for (const storage::TopicPartition& partition : partitions)
      if (watched_.contains(partition)) grown_.push_back(partition);
    is_first &= !grown_.empty();
  }
  if (is_first)
    loop_.post([weak = weak_from_this()] {
      if (const std::shared_ptr<SharedTopics> self = weak.lock()) self->take_grown();
    });
}

void SharedTopics::take_grown() {
  std::vector<storage::TopicPartition> grown;
  {
    const std::lock_guard lock(mutex_);
    grown.swap(grown_);
  }
  std::ranges::sort(grown);
  const auto rest = std::ranges::unique(grown);
  grown.erase(rest.begin(), rest.end());
  for (const storage::TopicPartition& each : grown) tell_({each.topic, each.partition.value()});
}

}  // namespace server
