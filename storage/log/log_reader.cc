#include "storage/log/log_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include <absl/container/flat_hash_map.h>

#include "records/batch.h"
#include "storage/kv/damage.h"
#include "storage/log/batch_cursor.h"
#include "storage/log/epoch_history.h"
#include "storage/log/log_core.h"
#include "storage/log/producer_state.h"
#include "storage/log/stored_keys.h"
#include "storage/log/task_outputs.h"
#include "storage/log/time_index.h"

namespace storage {

struct LogReader::State {
  LogCore& core;
  std::unique_ptr<ReadTransaction> transaction;
  std::shared_ptr<ReadEpochs::Slot> slot;
  std::shared_ptr<const PartitionMap> partitions;
  uint64_t partitions_version = 0;
  bool in_turn = false;
  // The first look of the turn at a high watermark holds for all of it.
  absl::flat_hash_map<const Partition*, Offset> high_watermarks = {};

  Result<Partition*> find(const TopicPartition& id) const;
  Result<PartitionRow> row_of(const Partition& partition) const;
  Result<Offset> log_end_of(const Partition& partition, BatchCursor& cursor) const;
  Result<Offset> readable_end_of(const Partition& partition, BatchCursor& cursor);
  Result<Offset> undecided_of(const Partition& partition);
  Offset high_watermark_of(const Partition& partition);
  Result<int64_t> max_timestamp_from(const Partition& partition, Offset from);
  Error out_of_range(Offset offset) const;
  static Error lost(Offset from, Offset to);
};

Result<Partition*> LogReader::State::find(const TopicPartition& id) const {
  assert(in_turn);
  const auto found = partitions->find(id);
  // Asked at each use: a dropped partition's table may be another's by now.
  if (found == nullptr || (*found)->is_dropped())
    return Error{ErrorCode::UnknownTopic, "partition does not exist"};
  if ((*found)->damage()) return *(*found)->damage();
  return found->get();
}

Result<PartitionRow> LogReader::State::row_of(const Partition& partition) const {
  const auto row = TRY(transaction->get(core.tables().partitions, partition_key(partition.id())));
  if (!row) return Error{ErrorCode::UnknownTopic, "partition does not exist"};
  return decode_partition_row(*row);
}

// Everything in the snapshot is durable. (The published numbers may be a commit behind or ahead of it.)
Result<Offset> LogReader::State::log_end_of(const Partition& partition, BatchCursor& cursor) const {
  const auto last = TRY(cursor.last());
  const Offset behind_last = last ? last->last_offset + 1 : Offset{0};
  // A truncation may leave a gap at the end.
  if (last && partition.role() == ReplicaRole::Alone) return behind_last;
  return std::max(behind_last, TRY(row_of(partition)).end_when_empty);
}

// Without replicas nothing is waited for.
Offset LogReader::State::high_watermark_of(const Partition& partition) {
  if (partition.role() == ReplicaRole::Alone) return Offset{INT64_MAX};
  return high_watermarks.try_emplace(&partition, partition.high_watermark()).first->second;
}

Result<Offset> LogReader::State::readable_end_of(const Partition& partition, BatchCursor& cursor) {
  const Offset high_watermark = high_watermark_of(partition);
  return std::min(high_watermark, TRY(log_end_of(partition, cursor)));
}

// As of the snapshot, like the list of what was aborted.
Result<Offset> LogReader::State::undecided_of(const Partition& partition) {
  if (!partition.has_transactions()) return Offset{INT64_MAX};
  const auto first = TRY(first_undecided(*transaction, core.tables(), partition.number(),
                                         high_watermark_of(partition)));
  if (!first) return Offset{INT64_MAX};
  // What was deleted of it cannot be waited for; nobody begins before the log start.
  return std::max(*first, TRY(row_of(partition)).log_start);
}

// By the headers of the visible batches that reach to `from` or further.
Result<int64_t> LogReader::State::max_timestamp_from(const Partition& partition, Offset from) {
  auto cursor = TRY(BatchCursor::open(*transaction, partition));
  const Offset end = high_watermark_of(partition);
  int64_t latest = records::kNoTimestamp;
  for (auto stored = TRY(cursor.seek(from)); stored && stored->last_offset < end;
       stored = TRY(cursor.next())) {
    const auto batch = TRY(records::parse_batch(stored->bytes, records::BatchCheck::Shape));
    latest = std::max(latest, batch.header.max_timestamp);
  }
  return latest;
}

// Where nothing but the front is ever removed: pages of the file are damaged.
Error LogReader::State::lost(Offset from, Offset to) {
  return damaged_data(fmt::format("the data file has lost the records at offsets {} to {}",
                                  from.value(), to.value() - 1));
}

Error LogReader::State::out_of_range(Offset offset) const {
  return {ErrorCode::OffsetOutOfRange,
          fmt::format("offset {} is not in the partition", offset.value())};
}

namespace {

Result<BatchRef> batch_of(const StoredBatch& stored) {
  if (stored.bytes.size() < records::kBatchHeaderSize)
    return damaged_data("the data file has a damaged record batch");
  return BatchRef{stored.bytes, Offset{load_be<int64_t>(stored.bytes.data())}, stored.last_offset};
}

}  // namespace

Result<std::optional<TimedOffset>> find_by_time(const BatchRef& ref, int64_t timestamp,
                                                Offset from) {
  const auto batch = TRY(records::parse_batch(ref.bytes, records::BatchCheck::Shape));
  std::string scratch;
  auto reader = TRY(records::RecordReader::open(batch, scratch));
  for (records::RecordView record; reader.next(record);) {
    const Offset offset = ref.base_offset + record.offset_delta;
    if (record.timestamp >= timestamp && offset >= from)
      return TimedOffset{offset, record.timestamp};
  }
  TRY(reader.status());
  return std::nullopt;
}

LogReader::LogReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
LogReader::~LogReader() {
  if (state_->in_turn) end_turn();
}

Result<std::unique_ptr<LogReader>> LogReader::open(Log& log) {
  LogCore& core = log.core();
  auto transaction = TRY(core.store().begin_read());
  transaction->reset();
  auto slot = core.epochs().add_reader();
  auto state = std::unique_ptr<State>(
      new State{core, std::move(transaction), std::move(slot), core.partitions()});
  return std::unique_ptr<LogReader>(new LogReader(std::move(state)));
}

Status LogReader::begin_turn() {
  assert(!state_->in_turn);
  state_->slot->begin(state_->core.epochs());
  // The map before the snapshot: then the snapshot holds every partition of the map.
  if (const uint64_t version = state_->core.partitions_version();
      version != state_->partitions_version) {
    state_->partitions = state_->core.partitions();
    state_->partitions_version = version;
  }
  if (Status renewed = state_->transaction->renew(); !renewed) {
    state_->slot->end();
    return renewed;
  }
  state_->in_turn = true;
  return {};
}

void LogReader::end_turn() {
  assert(state_->in_turn);
  state_->transaction->reset();
  state_->slot->end();
  state_->high_watermarks.clear();
  state_->in_turn = false;
}

CommitId LogReader::commit_id() const {
  assert(state_->in_turn);
  return state_->transaction->commit_id();
}

Result<std::vector<BatchRef>> LogReader::read(const TopicPartition& id, Offset from,
                                              size_t max_bytes, ReadUpTo up_to) {
  const Partition& partition = *TRY(state_->find(id));
  if (from < Offset{0} || from < partition.log_start()) return state_->out_of_range(from);
  Offset end = up_to == ReadUpTo::LogEnd ? Offset{INT64_MAX} : state_->high_watermark_of(partition);
  if (up_to == ReadUpTo::LastStable) end = std::min(end, TRY(state_->undecided_of(partition)));
  auto cursor = TRY(BatchCursor::open(*state_->transaction, partition));
  // What a leader's log has lost by compaction, its followers never had. Of others the row says, in the
  // reader's own snapshot, how far there may be gaps; it is read when there is one.
  std::optional<Offset> gaps_end;
  if (partition.leader_epoch() > LeaderEpoch{0}) gaps_end = Offset{INT64_MAX};
  const auto may_be_gap = [&](Offset gap_end) -> Result<bool> {
    if (!gaps_end) gaps_end = TRY(state_->row_of(partition)).gaps_end;
    return gap_end <= *gaps_end;
  };
  std::vector<BatchRef> batches;
  size_t size_bytes = 0;
  auto stored = TRY(cursor.seek(from));
  const bool is_at_end = !stored;
  for (; stored && stored->last_offset < end && (batches.empty() || size_bytes < max_bytes);
       stored = TRY(cursor.next())) {
    const BatchRef batch = TRY(batch_of(*stored));
    if (!batches.empty() && batch.base_offset != batches.back().last_offset + 1 &&
        !TRY(may_be_gap(batch.base_offset)))
      return State::lost(batches.back().last_offset + 1, batch.base_offset);
    batches.push_back(batch);
    size_bytes += stored->bytes.size();
  }
  if (is_at_end) {
    if (from > TRY(state_->log_end_of(partition, cursor))) return state_->out_of_range(from);
  } else if (!batches.empty() && batches.front().base_offset > from &&
             from < TRY(state_->row_of(partition)).log_start) {
    return state_->out_of_range(from);
  } else if (!batches.empty() && batches.front().base_offset > from &&
             !TRY(may_be_gap(batches.front().base_offset))) {
    return State::lost(from, batches.front().base_offset);
  }
  return batches;
}

Result<Offset> LogReader::log_start(const TopicPartition& id) {
  const Partition* partition = TRY(state_->find(id));
  return TRY(state_->row_of(*partition)).log_start;
}

Result<Offset> LogReader::readable_end(const TopicPartition& id) {
  const Partition& partition = *TRY(state_->find(id));
  auto cursor = TRY(BatchCursor::open(*state_->transaction, partition));
  return state_->readable_end_of(partition, cursor);
}

Result<Offset> LogReader::last_stable_offset(const TopicPartition& id) {
  const Partition& partition = *TRY(state_->find(id));
  auto cursor = TRY(BatchCursor::open(*state_->transaction, partition));
  return std::min(TRY(state_->readable_end_of(partition, cursor)),
                  TRY(state_->undecided_of(partition)));
}

Result<std::vector<AbortedTransaction>> LogReader::aborted(const TopicPartition& id, Offset from,
                                                           Offset end) {
  const Partition& partition = *TRY(state_->find(id));
  if (!partition.has_transactions()) return std::vector<AbortedTransaction>();
  return aborted_between(*state_->transaction, state_->core.tables(), partition.number(), from,
                         end);
}

Result<std::optional<BatchRef>> LogReader::batch_for_time(const TopicPartition& id,
                                                          int64_t timestamp, Offset from) {
  const Partition& partition = *TRY(state_->find(id));
  auto cursor = TRY(BatchCursor::open(*state_->transaction, partition));
  const Offset candidate =
      TRY(first_candidate(*state_->transaction, state_->core.tables(), partition, timestamp));
  const Offset end = state_->high_watermark_of(partition);
  // What was deleted may lie there still.
  const Offset log_start = TRY(state_->row_of(partition)).log_start;
  auto stored = TRY(cursor.seek(std::max({candidate, from, log_start})));
  for (; stored && stored->last_offset < end; stored = TRY(cursor.next())) {
    const BatchRef batch = TRY(batch_of(*stored));
    const auto view = TRY(records::parse_batch(batch.bytes, records::BatchCheck::Shape));
    if (view.header.max_timestamp >= timestamp) return batch;
  }
  return std::nullopt;
}

Result<std::optional<int64_t>> LogReader::max_timestamp(const TopicPartition& id) {
  const Partition& partition = *TRY(state_->find(id));
  const Offset log_start = TRY(state_->row_of(partition)).log_start;
  const auto indexed =
      TRY(last_timestamp_entry(*state_->transaction, state_->core.tables(), partition));
  int64_t latest =
      indexed ? TRY(state_->max_timestamp_from(partition, std::max(log_start, indexed->end_offset)))
              : TRY(state_->max_timestamp_from(partition, log_start));
  if (indexed && indexed->time > latest) {
    // It says what was the largest so far; that record may be gone with the log's front.
    const auto known = TRY(batch_for_time(id, indexed->time, log_start));
    latest = known ? indexed->time : TRY(state_->max_timestamp_from(partition, log_start));
  }
  if (latest == records::kNoTimestamp) return std::nullopt;
  return latest;
}

Result<LeaderEpoch> LogReader::first_leader_epoch(const TopicPartition& id) {
  const Partition& partition = *TRY(state_->find(id));
  auto cursor = TRY(BatchCursor::open(*state_->transaction, partition));
  const Offset log_start = TRY(state_->row_of(partition)).log_start;
  const auto first = TRY(cursor.seek(log_start));
  if (!first || first->last_offset >= state_->high_watermark_of(partition))
    return partition.leader_epoch();
  return records::leader_epoch_of(TRY(batch_of(*first)).bytes.data());
}

Result<LeaderEpoch> LogReader::leader_epoch(const TopicPartition& id) {
  return TRY(state_->find(id))->leader_epoch();
}

Result<uint64_t> LogReader::size_bytes(const TopicPartition& id) {
  return state_->transaction->size_bytes(TRY(state_->find(id))->table());
}

Result<std::vector<ActiveProducer>> LogReader::producers(const TopicPartition& id) {
  const Partition& partition = *TRY(state_->find(id));
  const auto cursor = TRY(state_->transaction->cursor(state_->core.tables().producers));
  const std::string end = producer_key(partition.number() + 1, ProducerId{0});
  std::vector<ActiveProducer> all;
  for (auto entry = TRY(cursor->seek(producer_key(partition.number(), ProducerId{0})));
       entry && entry->key < end; entry = TRY(cursor->next())) {
    const ProducerId producer{TRY(decode_numbered_key(entry->key)).number};
    if (is_task_producer(producer)) continue;
    const ProducerState state = TRY(ProducerState::decode(entry->value));
    all.push_back({producer, state.epoch(), state.last_sequence(), state.last_append_ms(),
                   state.open_since(), state.coordinator_epoch()});
  }
  return all;
}

Result<EpochEnd> LogReader::end_of_epoch(const TopicPartition& id, LeaderEpoch asked) {
  const Partition& partition = *TRY(state_->find(id));
  auto cursor = TRY(BatchCursor::open(*state_->transaction, partition));
  const Offset log_end = TRY(state_->log_end_of(partition, cursor));
  return storage::end_of_epoch(*state_->transaction, state_->core.tables(), partition.number(),
                               asked, partition.leader_epoch(), log_end);
}

Result<Offset> LogReader::end_appended_before(const TopicPartition& id, int64_t time_ms) {
  const Partition& partition = *TRY(state_->find(id));
  const Offset log_start = TRY(state_->row_of(partition)).log_start;
  return std::max(log_start, TRY(storage::end_appended_before(
                                 *state_->transaction, state_->core.tables(), partition, time_ms)));
}

}  // namespace storage
