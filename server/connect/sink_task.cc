#include "server/connect/sink_task.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "engine/connect/state_record.h"
#include "server/connect/topic_batches.h"
#include "server/connect/transformed.h"

namespace server {

namespace {

constexpr size_t kBytesOfFetch = 1 << 20;
// Memory of one step(): the fetched records, their lines, and the buffers of the writer.
constexpr size_t kBytesOfStep = 8 * kBytesOfFetch;
constexpr size_t kMostBadBytes = 4 << 20;  // limit for the bad records in one commit

int64_t size_of_record(const FetchedRecords::Record& record) {
  return static_cast<int64_t>((record.key ? record.key->size() : 0) +
                              (record.value ? record.value->size() : 0));
}

}  // namespace

Error deleted_records(const std::string& connector, std::string_view topic, PartitionId partition,
                      Offset begin, Offset log_start) {
  return {ErrorCode::DataCorrupted,
          fmt::format("{}-{} begins at {}, {} has taken all before {}: {} records are lost", topic,
                      partition.value(), log_start.value(), connector, begin.value(),
                      log_start - begin),
          {},
          fmt::format("ALTER CONNECTOR {} SET OFFSETS continues at another offset.", connector)};
}

SinkTask::SinkTask(TaskSurroundings around, SinkTaskPlan plan)
    : ConnectTask(std::move(around), plan.identity), plan_(std::move(plan)) {}

SinkTask::~SinkTask() { stop(); }

Status SinkTask::open() {
  writer_ = TRY(plan_.open());
  writer_->use(task_wait());
  TRY(writer_->start());
  // First completes the objects that an earlier run has begun; their names are stored as intents.
  std::vector<engine::SinkObject> intents;
  for (const auto& [key, entry] : state().entries) {
    const auto parsed = engine::parse_state_key(key);
    if (!parsed || parsed->kind != "intent" || parsed->connector != identity().definition->name)
      continue;
    if (auto intent = TRY(engine::parse_intent(entry.value, identity().definition->id)))
      intents.push_back(std::move(*intent));
  }
  if (intents.empty()) return {};
  if (!TRY(await_memory(kBytesOfStep + writer_->object_memory()))) return {};
  const auto topics = around().find_topics();
  for (const engine::SinkObject& intent : intents) {
    // The intent is skipped if its topic was dropped: its records no longer exist, and a new topic
    // with the same name has other records.
    const storage::TopicInfo* topic = topics->find(intent.topic);
    if (topic != nullptr && topic->id.to_string() == intent.topic_id)
      TRY(carry_out(intent, {topic->id, intent.partition}));
  }
  return {};
}

void SinkTask::close() {
  writer_.reset();
  partitions_.clear();
}

Result<SinkTask::Partition> SinkTask::make_partition(const storage::TopicInfo& topic,
                                                     PartitionId number) const {
  Partition partition;
  partition.topic = topic.name;
  partition.id = {topic.id, number};
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
  partition.begin = partition.scanned = *position;
  return partition;
}

Result<bool> SinkTask::step() {
  if (!TRY(await_memory(kBytesOfStep + writer_->object_memory()))) return false;
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
      if (TRY(step(known->second))) has_more = true;
      if (must_stop()) return false;
      lag += known->second.end - known->second.begin;
    }
  }
  note([&](TaskFacts& facts) { facts.lag_records = lag; });
  return has_more;
}

Result<bool> SinkTask::step(Partition& partition) {
  const FetchedRecords fetched =
      TRY(around().log.fetch(partition.id, partition.scanned, kBytesOfFetch));
  if (fetched.log_start > partition.begin)
    return deleted_records(identity().definition->name, partition.topic, partition.id.partition,
                           partition.begin, fetched.log_start);
  partition.end = fetched.end;
  for (const FetchedRecords::Record& record : fetched.records) {
    const bool is_over_span =
        plan_.limits.span_ms > 0 &&
        record.timestamp_ms - partition.first_timestamp_ms >= plan_.limits.span_ms;
    if (partition.records > 0 &&
        (is_over_span ||
         !writer_->may_share_object(partition.first_timestamp_ms, record.timestamp_ms))) {
      TRY(write_object(partition, record.offset));
      return true;  // this record and the ones after it are fetched again
    }
    if (partition.records == 0) {
      partition.begin = record.offset;
      partition.since_us = around().clock.monotonic_us();
      partition.first_timestamp_ms = record.timestamp_ms;
    }
    ++partition.records;
    partition.bytes += size_of_record(record);
    partition.scanned = record.offset + 1;
    if (partition.records >= plan_.limits.records || partition.bytes >= plan_.limits.bytes) {
      TRY(write_object(partition, partition.scanned));
      return true;
    }
  }
  partition.scanned = std::max(partition.scanned, fetched.next);
  // A range that has offsets but no records (for example the end of a transaction) does not begin an object.
  if (partition.records == 0) partition.begin = partition.scanned;
  if (is_complete(partition)) TRY(write_object(partition, partition.scanned));
  return fetched.next < fetched.end;
}

bool SinkTask::is_complete(const Partition& partition) const {
  constexpr int64_t kUsOfMs = 1'000;
  return partition.records > 0 &&
         around().clock.monotonic_us() - partition.since_us >= plan_.limits.age_ms * kUsOfMs;
}

Status SinkTask::write_object(Partition& partition, Offset end) {
  const engine::SinkObject object{
      partition.topic,
      partition.id.topic.to_string(),
      partition.id.partition,
      partition.begin,
      end,
      TRY(writer_->object_name(routed(partition.topic), partition.id.partition, partition.begin,
                               partition.first_timestamp_ms))};
  TRY(commit({{engine::intent_key(identity().definition->name, object.topic, object.partition),
               engine::encode_intent(object, identity().definition->id)}}));
  const int64_t records = partition.records, bytes = partition.bytes;
  TRY(carry_out(object, partition.id));
  set_state(ConnectorState::Running);
  partition.begin = partition.scanned = end;
  partition.records = partition.bytes = 0;
  note([&](TaskFacts& facts) {
    facts.records += records;
    facts.bytes += bytes;
  });
  return {};
}

Status SinkTask::carry_out(const engine::SinkObject& object, const storage::TopicPartition& id) {
  std::vector<BadRecord> bad = TRY(write_records(object, id));
  const std::string& connector = identity().definition->name;
  const std::string partition = engine::sink_partition_json(object.topic, object.partition);
  TRY(commit({{engine::position_key(connector, partition),
               engine::encode_position({engine::sink_offset_json({object.end, object.topic_id}),
                                        identity().definition->id})},
              {engine::intent_key(connector, object.topic, object.partition), std::nullopt}},
             std::move(bad)));
  note([&](TaskFacts& facts) {
    facts.position = partition + " " + engine::sink_offset_json({object.end});
  });
  return {};
}

std::string SinkTask::routed(const std::string& topic) const {
  return plan_.transforms ? plan_.transforms->topics_of(topic).front() : topic;
}

std::vector<BadRecord> SinkTask::transform(std::vector<SinkRecord>& records) const {
  // The records keep the name of the topic from which they were read. Only names of objects contain the name after
  // the transforms (routed()).
  return transform_sink_records(plan_.transforms.get(), records,
                                [](SinkRecord&, const engine::ConnectRecord&) {});
}

Result<std::vector<BadRecord>> SinkTask::write_records(const engine::SinkObject& object,
                                                       const storage::TopicPartition& id) {
  std::vector<BadRecord> all_bad;
  FetchedRecords fetched = TRY(around().log.fetch(id, object.first, kBytesOfFetch));
  if (fetched.log_start > object.first) {
    if (TRY(writer_->exists(object))) return all_bad;
    return deleted_records(identity().definition->name, object.topic, object.partition,
                           object.first, fetched.log_start);
  }
  // If there are transforms, the object begins with the first record that they do not drop. If they drop all
  // records, no object is written.
  bool is_begun = !plan_.transforms || plan_.transforms->is_empty();
  if (is_begun) TRY(writer_->begin(object));
  size_t bad_bytes = 0;
  for (Offset next = object.first; next < object.end;) {
    std::vector<SinkRecord> records;
    for (FetchedRecords::Record& record : fetched.records)
      if (record.offset < object.end)
        records.push_back({object.topic, object.partition, record.offset, record.timestamp_ms,
                           std::move(record.key), std::move(record.value),
                           std::move(record.headers)});
    std::vector<BadRecord> bad_records = transform(records);
    if (!is_begun && !records.empty()) {
      TRY(writer_->begin(object));
      is_begun = true;
    }
    if (is_begun) std::ranges::move(TRY(writer_->write(records)), std::back_inserter(bad_records));
    for (BadRecord& bad : bad_records) {
      TRY(take_bad_record(plan_.bad_records, bad.error, bad.bytes));
      if (plan_.bad_records.dead_letters.topic.empty()) bad.bytes.clear();
      bad_bytes += bad.error.message.size() + bad.bytes.size();
      all_bad.push_back(std::move(bad));
    }
    if (bad_bytes > kMostBadBytes) {
      TRY(commit({}, std::exchange(all_bad, {})));
      bad_bytes = 0;
    }
    if (fetched.next <= next) break;  // the range ends with records that were removed
    next = fetched.next;
    if (next < object.end) fetched = TRY(around().log.fetch(id, next, kBytesOfFetch));
  }
  if (is_begun) TRY(writer_->finish());
  return all_bad;
}

Status SinkTask::commit(std::vector<StateChange> changes, std::vector<BadRecord> bad) {
  const auto bad_records = static_cast<int64_t>(bad.size());
  PendingCommit pending;
  pending.commit.state = std::move(changes);
  if (!bad.empty()) {
    SourceBatch batch;
    batch.bad = std::move(bad);
    pending.commit.records = TRY(topic_batches(
        batch, *around().find_topics(), plan_.bad_records.dead_letters, around().clock.wall_ms()));
  }
  submit(pending);
  TRY(await(pending));
  note([&](TaskFacts& facts) {
    facts.errors += bad_records;
    if (!plan_.bad_records.dead_letters.topic.empty()) facts.dead_letters += bad_records;
  });
  return {};
}

}  // namespace server
