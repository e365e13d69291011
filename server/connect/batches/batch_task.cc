#include "server/connect/batches/batch_task.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "engine/connect/sink_objects.h"
#include "engine/connect/state_record.h"
#include "server/connect/sink_task.h"
#include "server/connect/topic_batches.h"
#include "server/connect/transformed.h"

namespace server {

namespace {

constexpr size_t kFetchedBytes = 1 << 20;
// Memory of one step(): the fetched records, the bodies that are sent, and the dead letters.
constexpr size_t kBatchStepBytes = 4 * kFetchedBytes;
constexpr int64_t kCommitIntervalUs = 1'000'000;

}  // namespace

BatchTask::BatchTask(TaskSurroundings around, BatchTaskPlan plan)
    : ConnectTask(std::move(around), plan.identity), plan_(std::move(plan)) {}

BatchTask::~BatchTask() { stop(); }

Status BatchTask::open() {
  writer_ = TRY(plan_.open());
  committed_us_ = around().clock.monotonic_us();
  return writer_->start();
}

void BatchTask::close() {
  // Also clears bad_: after open() the task sends the records since the last commit again, and
  // creates their dead letters again.
  writer_.reset();
  partitions_.clear();
  bad_.clear();
}

Result<BatchTask::Partition> BatchTask::make_partition(const storage::TopicInfo& topic,
                                                       PartitionId number) const {
  Partition partition{.topic = topic.name, .id = {topic.id, number}};
  std::optional<Offset> position;
  if (const auto json = position_of(engine::sink_partition_json(topic.name, number))) {
    const auto offset = engine::parse_sink_offset(*json);
    if (offset && (offset->topic_id.empty() || offset->topic_id == topic.id.to_string()))
      position = offset->next;
  }
  if (!position) {
    const FetchedRecords now = TRY(around().log.fetch(partition.id, Offset{INT64_MAX}, 1));
    position = plan_.begins_at_end ? now.end : now.log_start;
  }
  partition.next = partition.committed = *position;
  return partition;
}

Result<bool> BatchTask::step() {
  if (!TRY(await_memory(kBatchStepBytes))) return false;
  const auto topics = around().find_topics();
  bool has_more = false;
  int64_t lag = 0;
  for (const std::string& name : plan_.topics) {
    const storage::TopicInfo* topic = topics->find(name);
    if (topic == nullptr)
      return Error{ErrorCode::UndefinedObject, fmt::format("topic \"{}\" does not exist", name)};
    for (PartitionId number{0}; number.value() < topic->partition_count; ++number) {
      auto known = partitions_.find({name, number});
      if (known == partitions_.end() || known->second.id.topic != topic->id)
        known =
            partitions_.insert_or_assign({name, number}, TRY(make_partition(*topic, number))).first;
      const auto stepped = step(known->second);
      if (!stepped) {
        // Commits the records that were sent before the failure, so that the next run does not send
        // them again.
        TRY(commit());
        return stepped.error();
      }
      if (*stepped) has_more = true;
      if (must_stop()) break;
      lag += known->second.end - known->second.next;
    }
  }
  note([&](TaskFacts& facts) { facts.lag_records = lag; });
  const bool is_due = around().clock.monotonic_us() - committed_us_ >= kCommitIntervalUs;
  if (!has_more || is_due || must_stop()) TRY(commit());
  return has_more && !must_stop();
}

Result<bool> BatchTask::step(Partition& partition) {
  FetchedRecords fetched = TRY(around().log.fetch(partition.id, partition.next, kFetchedBytes));
  if (fetched.log_start > partition.next)
    return deleted_records(identity().definition->name, partition.topic, partition.id.partition,
                           partition.next, fetched.log_start);
  partition.end = fetched.end;
  const size_t count = fetched.records.size();
  for (size_t begin = 0; begin < count; begin += plan_.batch_records) {
    const size_t end = std::min(count, begin + plan_.batch_records);
    std::vector<SinkRecord> records;
    for (size_t i = begin; i < end; ++i) {
      FetchedRecords::Record& record = fetched.records[i];
      records.push_back({partition.topic, partition.id.partition, record.offset,
                         record.timestamp_ms, std::move(record.key), std::move(record.value),
                         std::move(record.headers)});
    }
    TRY(send(partition, std::move(records),
             end == count ? fetched.next : fetched.records[end].offset));
    if (must_stop()) return false;
    if (around().clock.monotonic_us() - committed_us_ >= kCommitIntervalUs) TRY(commit());
  }
  // fetched.next may be after the last record, because an end of a transaction has an offset but no
  // record.
  partition.next = std::max(partition.next, fetched.next);
  return fetched.next < fetched.end;
}

std::vector<BadRecord> BatchTask::transform(std::vector<SinkRecord>& records) const {
  return transform_sink_records(plan_.transforms.get(), records,
                                [](SinkRecord& record, const engine::ConnectRecord& changed) {
                                  record.topic = changed.topic;
                                });
}

Status BatchTask::send(Partition& partition, std::vector<SinkRecord> records, Offset end) {
  const auto count = static_cast<int64_t>(records.size());
  int64_t bytes = 0;
  for (const SinkRecord& record : records)
    bytes += static_cast<int64_t>((record.key ? record.key->size() : 0) +
                                  (record.value ? record.value->size() : 0));
  std::vector<BadRecord> bad = transform(records);
  if (!records.empty()) {
    const auto refused = writer_->send(records, plan_.bad_records.is_tolerant, task_wait());
    if (!refused && refused.error().code == ErrorCode::ShuttingDown && must_stop()) return {};
    if (!refused) return refused.error();
    set_state(ConnectorState::Running);
    for (const BatchWriter::Refused& each : *refused) {
      const SinkRecord& record = records[each.index];
      Error error = each.error;
      error.message = fmt::format("{}: {}", place_of_record(record),
                                  identity().hide_secrets(std::move(error.message)));
      bad.push_back({std::move(error), record.value.value_or(""), kTaskStage});
    }
  }
  for (const BadRecord& each : bad) TRY(take_bad_record(plan_.bad_records, each.error, each.bytes));
  std::ranges::move(bad, std::back_inserter(bad_));
  partition.next = end;
  note([&](TaskFacts& facts) {
    facts.records += count;
    facts.bytes += bytes;
  });
  return {};
}

Status BatchTask::commit() {
  committed_us_ = around().clock.monotonic_us();
  PendingCommit pending;
  std::string last;
  for (auto& [key, partition] : partitions_) {
    if (partition.committed == partition.next) continue;
    const std::string json = engine::sink_partition_json(key.first, key.second);
    pending.commit.state.push_back(
        {engine::position_key(identity().definition->name, json),
         engine::encode_position(
             {engine::sink_offset_json({partition.next, partition.id.topic.to_string()}),
              identity().definition->id})});
    last = json + " " + engine::sink_offset_json({partition.next});
    partition.committed = partition.next;
  }
  if (pending.commit.state.empty()) return {};
  const auto errors = static_cast<int64_t>(bad_.size());
  const bool has_letters = !plan_.bad_records.dead_letters.topic.empty();
  if (errors > 0 && has_letters) {
    SourceBatch batch;
    batch.bad = std::move(bad_);
    pending.commit.records = TRY(topic_batches(
        batch, *around().find_topics(), plan_.bad_records.dead_letters, around().clock.wall_ms()));
  }
  bad_.clear();
  submit(pending);
  TRY(await(pending));
  note([&](TaskFacts& facts) {
    facts.position = last;
    facts.errors += errors;
    if (has_letters) facts.dead_letters += errors;
  });
  return {};
}

}  // namespace server
