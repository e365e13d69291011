#include "server/connect/tables/table_task.h"

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

constexpr size_t kTableFetchedBytes = 1 << 20;
// Memory of one step(): the fetched records, their rows, and the texts that are sent.
constexpr size_t kTableStepBytes = 8 * kTableFetchedBytes;

BadRecord bad_record(const SinkRecord& record, Error error, std::string_view stage) {
  error.message = fmt::format("{}: {}", place_of_record(record), error.message);
  return {std::move(error), record.value.value_or(""), stage};
}

}  // namespace

TableTask::TableTask(TaskSurroundings around, TableTaskPlan plan)
    : ConnectTask(std::move(around), plan.identity), plan_(std::move(plan)), rows_(plan_.mapping) {}

TableTask::~TableTask() { stop(); }

Status TableTask::open() {
  writer_ = TRY(plan_.open());
  return writer_->start();
}

void TableTask::close() {
  writer_.reset();
  partitions_.clear();
}

Result<TableTask::Partition> TableTask::make_partition(const storage::TopicInfo& topic,
                                                       PartitionId number) {
  Partition partition{{topic.name, topic.id.to_string(), number}, {topic.id, number}};
  std::optional<Offset> position;
  bool is_by_user = false;  // set by SET OFFSETS, so it replaces the position in the database
  if (const auto json = position_of(engine::sink_partition_json(topic.name, number))) {
    const auto offset = engine::parse_sink_offset(*json);
    const bool is_reset = offset && offset->topic_id == kTopicOfReset;
    is_by_user = is_reset || (offset && offset->topic_id.empty());
    if (offset && !is_reset && (is_by_user || offset->topic_id == partition.place.topic_id))
      position = offset->next;
  }
  if (position && !is_by_user) partition.copied = *position;
  if (!position) {
    const FetchedRecords now = TRY(around().log.fetch(partition.id, Offset{INT64_MAX}, 1));
    position = plan_.begins_at_end ? now.end : now.log_start;
  }
  partition.next = plan_.is_exactly_once
                       ? TRY(writer_->position(partition.place, *position, is_by_user))
                       : *position;
  return partition;
}

Result<bool> TableTask::step() {
  if (!TRY(await_memory(kTableStepBytes))) return false;
  const auto topics = around().find_topics();
  bool has_more = false;
  int64_t lag = 0;
  for (const std::string& name : plan_.topics) {
    const storage::TopicInfo* topic = topics->find(name);
    if (topic == nullptr)
      return Error{ErrorCode::UndefinedObject, fmt::format("topic \"{}\" does not exist", name)};
    for (PartitionId number{0}; number.value() < topic->partition_count; ++number) {
      auto known = partitions_.find({name, number});
      if (known == partitions_.end() || known->second.id.topic != topic->id) {
        known =
            partitions_.insert_or_assign({name, number}, TRY(make_partition(*topic, number))).first;
        // Replaces a position in __connect_state that a user has set, so that it is not applied
        // again after a restart.
        TRY(copy_positions());
      }
      if (TRY(step(known->second))) has_more = true;
      if (must_stop()) break;
      lag += known->second.end - known->second.next;
    }
  }
  TRY(copy_positions());
  note([&](TaskFacts& facts) { facts.lag_records = lag; });
  return has_more && !must_stop();
}

Result<bool> TableTask::step(Partition& partition) {
  FetchedRecords fetched =
      TRY(around().log.fetch(partition.id, partition.next, kTableFetchedBytes));
  if (fetched.log_start > partition.next)
    return deleted_records(identity().definition->name, partition.place.topic,
                           partition.id.partition, partition.next, fetched.log_start);
  partition.end = fetched.end;
  const size_t count = fetched.records.size();
  // If the range has no records (for example only the end of a transaction), only the position is moved.
  if (count == 0) TRY(write(partition, {}, fetched.next));
  for (size_t begin = 0; begin < count; begin += plan_.batch_records) {
    const size_t end = std::min(count, begin + plan_.batch_records);
    std::vector<Record> records;
    for (size_t i = begin; i < end; ++i) {
      FetchedRecords::Record& record = fetched.records[i];
      records.push_back(
          {{partition.place.topic, partition.id.partition, record.offset, record.timestamp_ms,
            std::move(record.key), std::move(record.value), std::move(record.headers)},
           partition.place.topic});
    }
    TRY(write(partition, std::move(records),
              end == count ? fetched.next : fetched.records[end].offset));
    if (must_stop()) return false;
  }
  return fetched.next < fetched.end;
}

std::vector<BadRecord> TableTask::transform(std::vector<Record>& records) const {
  return transform_sink_records(
      plan_.transforms.get(), records,
      [](Record& record, const engine::ConnectRecord& changed) { record.target = changed.topic; });
}

Status TableTask::write(Partition& partition, std::vector<Record> records, Offset end) {
  if (end <= partition.next) return {};
  const auto count = static_cast<int64_t>(records.size());
  int64_t bytes = 0;
  for (const Record& record : records)
    bytes += static_cast<int64_t>((record.key ? record.key->size() : 0) +
                                  (record.value ? record.value->size() : 0));
  std::vector<BadRecord> bad = transform(records);
  std::vector<PlacedRow> rows;
  std::vector<const Record*> origins;  // of the rows
  for (const Record& record : records) {
    auto row =
        rows_.read({record.topic, record.partition, record.offset}, record.key, record.value);
    if (!row) {
      bad.push_back(bad_record(record, std::move(row).error(), kConversionStage));
      continue;
    }
    rows.push_back({*std::move(row), record.target, record.offset});
    origins.push_back(&record);
  }
  const bool has_transaction = plan_.is_exactly_once || !rows.empty();
  if (has_transaction)
    for (TableWriter::BadRow& each :
         TRY(writer_->apply(partition.place, std::move(rows), partition.next, end)))
      bad.push_back(bad_record(*origins[each.index], std::move(each.error), kTaskStage));
  TRY(commit_bad(std::move(bad)));
  if (has_transaction) TRY(writer_->commit());
  partition.next = end;
  note([&](TaskFacts& facts) {
    facts.records += count;
    facts.bytes += bytes;
  });
  return {};
}

Status TableTask::commit_bad(std::vector<BadRecord> bad) {
  if (bad.empty()) return {};
  for (const BadRecord& each : bad) TRY(take_bad_record(plan_.bad_records, each.error, each.bytes));
  const auto count = static_cast<int64_t>(bad.size());
  const bool has_letters = !plan_.bad_records.dead_letters.topic.empty();
  if (has_letters) {
    SourceBatch batch;
    batch.bad = std::move(bad);
    PendingCommit pending;
    pending.commit.records = TRY(topic_batches(
        batch, *around().find_topics(), plan_.bad_records.dead_letters, around().clock.wall_ms()));
    submit(pending);
    TRY(await(pending));
  }
  note([&](TaskFacts& facts) {
    facts.errors += count;
    if (has_letters) facts.dead_letters += count;
  });
  return {};
}

Status TableTask::copy_positions() {
  PendingCommit pending;
  std::string last;
  for (auto& [key, partition] : partitions_) {
    if (partition.copied == partition.next) continue;
    const std::string json = engine::sink_partition_json(key.first, key.second);
    pending.commit.state.push_back(
        {engine::position_key(identity().definition->name, json),
         engine::encode_position(
             {engine::sink_offset_json({partition.next, partition.place.topic_id}),
              identity().definition->id})});
    last = json + " " + engine::sink_offset_json({partition.next});
    partition.copied = partition.next;
  }
  if (pending.commit.state.empty()) return {};
  submit(pending);
  TRY(await(pending));
  note([&](TaskFacts& facts) { facts.position = last; });
  return {};
}

}  // namespace server
