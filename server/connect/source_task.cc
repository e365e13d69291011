#include "server/connect/source_task.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/log.h"
#include "engine/connect/state_record.h"
#include "server/connect/transformed.h"

namespace server {

namespace {

constexpr size_t kBytesOfBatch = 4 << 20;

}  // namespace

SourceTask::SourceTask(TaskSurroundings around, SourceTaskPlan plan)
    : ConnectTask(std::move(around), plan.identity), plan_(std::move(plan)) {}

SourceTask::~SourceTask() { stop(); }

Status SourceTask::open() {
  reader_ = TRY(plan_.open());
  SourcePositions committed;
  for (auto& [partition, offset] : positions())
    committed.push_back({std::move(partition), std::move(offset)});
  TRY(reader_->start(committed));
  reader_->on_ready([this] { wake(); });
  return {};
}

void SourceTask::close() {
  in_flight_.reset();  // the commit in flight has failed, or its outcome is unknown
  reader_.reset();
  admitted_topics_.clear();
}

Result<bool> SourceTask::step() {
  SourceBatch batch = TRY(poll());
  const bool has_more = batch.has_more;
  if (!batch.is_empty()) {
    if (const Status fine = take_bad_records(batch); !fine) {
      TRY(settle());
      return fine.error();
    }
    InFlight next = TRY(prepare(std::move(batch)));
    TRY(settle());
    in_flight_ = std::move(next);
    submit(in_flight_->pending);
    if (has_more) return true;
  }
  TRY(settle());
  return has_more;
}

// Waits for memory before it reads from the source.
Result<SourceBatch> SourceTask::poll() {
  const size_t held = in_flight_ ? static_cast<size_t>(in_flight_->bytes) : 0;
  // The data of a batch are in memory twice: as bytes of the source, and as records.
  constexpr size_t kCopies = 2;
  if (!TRY(await_memory(held + kCopies * kBytesOfBatch))) return SourceBatch{};
  auto batch = TRY(reader_->poll({kBytesOfBatch, plan_.max_records}));
  note([&](TaskFacts& facts) { facts.lag_bytes = reader_->lag_bytes(); });
  if (plan_.transforms && !plan_.transforms->is_empty()) transform(batch);
  return batch;
}

void SourceTask::transform(SourceBatch& batch) const {
  std::vector<BadRecord> bad = transform_records(
      *plan_.transforms, batch.records,
      [now_ms = around().clock.wall_ms()](SourceRecord& record) {
        return engine::ConnectRecord{.topic = std::move(record.topic),
                                     .timestamp_ms = record.timestamp_ms.value_or(now_ms)};
      },
      [](const SourceRecord& record) {
        return fmt::format("{}, record {} (byte {})", record.order_key, record.number, record.byte);
      },
      [](SourceRecord& record, engine::ConnectRecord& changed) {
        record.topic = std::move(changed.topic);
      });
  std::ranges::move(bad, std::back_inserter(batch.bad));
}

Status SourceTask::take_bad_records(const SourceBatch& batch) {
  for (const BadRecord& bad : batch.bad)
    TRY(take_bad_record(plan_.bad_records, bad.error, bad.bytes));
  return {};
}

Status SourceTask::admit_topics(const SourceBatch& batch) {
  if (!plan_.admit_topic) return {};
  for (const SourceRecord& record : batch.records) {
    if (admitted_topics_.contains(record.topic)) continue;
    TRY(plan_.admit_topic(record.topic));
    admitted_topics_.insert(record.topic);
  }
  return {};
}

Result<SourceTask::InFlight> SourceTask::prepare(SourceBatch batch) {
  InFlight next;
  next.records = static_cast<int64_t>(batch.records.size());
  next.bad = static_cast<int64_t>(batch.bad.size());
  TRY(admit_topics(batch));
  const auto topics = around().find_topics();
  next.pending.commit.records =
      TRY(topic_batches(batch, *topics, plan_.bad_records.dead_letters, around().clock.wall_ms()));
  for (const storage::PartitionBatches& part : next.pending.commit.records)
    next.bytes += static_cast<int64_t>(part.batches.size());
  for (const SourcePosition& position : batch.positions) {
    StateChange& change = next.pending.commit.state.emplace_back();
    change.key = engine::position_key(identity().definition->name, position.partition_json);
    if (position.offset_json)
      change.value = engine::encode_position({*position.offset_json, identity().definition->id});
  }
  next.positions = std::move(batch.positions);
  return next;
}

Status SourceTask::settle() {
  if (!in_flight_) return {};
  TRY(await(in_flight_->pending));
  const InFlight durable = *std::move(in_flight_);
  in_flight_.reset();
  note([&](TaskFacts& facts) {
    facts.records += durable.records;
    facts.bytes += durable.bytes;
    facts.errors += durable.bad;
    if (!plan_.bad_records.dead_letters.topic.empty()) facts.dead_letters += durable.bad;
    for (const SourcePosition& position : durable.positions)
      if (position.offset_json)
        facts.position = position.partition_json + " " + *position.offset_json;
  });
  return reader_->confirm(durable.positions);
}

}  // namespace server
