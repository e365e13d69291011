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
  Snapshot snapshot = Snapshot::AtOnce;
  bool has_snapshot = false;
  // Keeps the batches from RecentBatches in memory that the current turn has returned.
  std::vector<SharedBytes> kept = {};
  // The high watermark of each partition that was read in this turn. It stays the same until the end of the turn.
  absl::flat_hash_map<const Partition*, Offset> high_watermarks = {};

  // Returns the store as of the turn's snapshot. The first call of a turn takes the snapshot, if
  // begin_turn() has not.
  Result<ReadTransaction*> store();
  Result<BatchCursor> cursor_of(const Partition& partition);
  Result<Partition*> find(const TopicPartition& id) const;
  Result<PartitionRow> row_of(const Partition& partition);
  Result<Offset> log_start_of(const Partition& partition);
  Result<Offset> log_end_of(const Partition& partition, BatchCursor& cursor);
  Result<Offset> readable_end_of(const Partition& partition);
  std::optional<std::vector<BatchRef>> read_recent(const Partition& partition, Offset from,
                                                   Offset end, size_t max_bytes);
  Result<Offset> undecided_of(const Partition& partition);
  Result<Offset> high_watermark_of(const Partition& partition);
  Result<int64_t> max_timestamp_from(const Partition& partition, Offset from);
  Error out_of_range(Offset offset) const;
  static Error lost(Offset from, Offset to);
};

Result<Partition*> LogReader::State::find(const TopicPartition& id) const {
  assert(in_turn);
  const auto found = partitions->find(id);
  // Checked at each use, because the table's handle may belong to another partition after the drop.
  if (found == nullptr || (*found)->is_dropped())
    return Error{ErrorCode::UnknownTopic, "partition does not exist"};
  if ((*found)->damage()) return *(*found)->damage();
  return found->get();
}

Result<ReadTransaction*> LogReader::State::store() {
  assert(in_turn);
  if (!has_snapshot) {
    TRY(transaction->renew());
    has_snapshot = true;
  }
  return transaction.get();
}

Result<BatchCursor> LogReader::State::cursor_of(const Partition& partition) {
  return BatchCursor::open(*TRY(store()), partition);
}

Result<PartitionRow> LogReader::State::row_of(const Partition& partition) {
  ReadTransaction& read = *TRY(store());
  const auto row = TRY(read.get(core.tables().partitions, partition_key(partition.id())));
  if (!row) return Error{ErrorCode::UnknownTopic, "partition does not exist"};
  return decode_partition_row(*row);
}

// Returns the log start. A turn without a snapshot uses the published value.
Result<Offset> LogReader::State::log_start_of(const Partition& partition) {
  if (snapshot == Snapshot::WhenNeeded) return partition.log_start();
  return TRY(row_of(partition)).log_start;
}

// Returns the log end as of the snapshot; everything before it is durable. The published log end
// cannot be used, because it may be one commit older or newer than the snapshot.
Result<Offset> LogReader::State::log_end_of(const Partition& partition, BatchCursor& cursor) {
  const auto last = TRY(cursor.last());
  const Offset behind_last = last ? last->last_offset + 1 : Offset{0};
  // In a partition with replicas, a truncation may have left the log end after the end of the last batch, so the
  // row is read, too.
  if (last && partition.role() == ReplicaRole::Alone) return behind_last;
  return std::max(behind_last, TRY(row_of(partition)).end_when_empty);
}

// Returns the offset up to which this turn may read the partition. A partition without replicas has no limit if the
// snapshot was taken at the start of the turn (Snapshot::AtOnce): everything in the snapshot is visible. Otherwise it
// is the published high watermark. It is read once per turn, so that all reads of the turn end at the same offset, and
// before the undecided transactions.
Result<Offset> LogReader::State::high_watermark_of(const Partition& partition) {
  if (partition.role() == ReplicaRole::Alone && snapshot == Snapshot::AtOnce)
    return Offset{INT64_MAX};
  if (const auto known = high_watermarks.find(&partition); known != high_watermarks.end())
    return known->second;
  Offset high_watermark = partition.high_watermark();
  // This turn may have taken its snapshot for another partition, some commits ago. The snapshot
  // then lacks the transactions of later batches, and these batches would be returned as committed.
  if (snapshot == Snapshot::WhenNeeded && has_snapshot && partition.has_transactions()) {
    auto cursor = TRY(cursor_of(partition));
    high_watermark = std::min(high_watermark, TRY(log_end_of(partition, cursor)));
  }
  high_watermarks.emplace(&partition, high_watermark);
  return high_watermark;
}

Result<Offset> LogReader::State::readable_end_of(const Partition& partition) {
  const Offset high_watermark = TRY(high_watermark_of(partition));
  if (snapshot == Snapshot::WhenNeeded) return std::min(high_watermark, partition.log_end());
  auto cursor = TRY(cursor_of(partition));
  return std::min(high_watermark, TRY(log_end_of(partition, cursor)));
}

// Returns the first undecided offset as of the snapshot, so that it agrees with the list of aborted
// transactions.
Result<Offset> LogReader::State::undecided_of(const Partition& partition) {
  if (!partition.has_transactions()) return Offset{INT64_MAX};
  const Offset high_watermark = TRY(high_watermark_of(partition));
  ReadTransaction& read = *TRY(store());
  const auto first = TRY(first_undecided(read, core.tables(), partition.number(), high_watermark));
  if (!first) return Offset{INT64_MAX};
  // A transaction whose records were deleted does not block readers, because no reader begins
  // before the log start.
  return std::max(*first, TRY(log_start_of(partition)));
}

// Reads the headers of the visible batches that end at `from` or later.
Result<int64_t> LogReader::State::max_timestamp_from(const Partition& partition, Offset from) {
  auto cursor = TRY(cursor_of(partition));
  const Offset end = TRY(high_watermark_of(partition));
  int64_t latest = records::kNoTimestamp;
  for (auto stored = TRY(cursor.seek(from)); stored && stored->last_offset < end;
       stored = TRY(cursor.next())) {
    const auto batch = TRY(records::parse_batch(stored->bytes, records::BatchCheck::Shape));
    latest = std::max(latest, batch.header.max_timestamp);
  }
  return latest;
}

// Returns the error for missing offsets that compaction cannot have removed. All other operations
// remove records only from the front of a log, so pages of the file must be damaged.
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

// Reads like read(), but only from memory. Returns nothing if the batches are not in memory.
std::optional<std::vector<BatchRef>> LogReader::State::read_recent(const Partition& partition,
                                                                   Offset from, Offset end,
                                                                   size_t max_bytes) {
  end = std::min(end, partition.log_end());
  std::vector<BatchRef> batches;
  if (from == partition.log_end()) return batches;
  size_t size_bytes = 0;
  for (SharedBytes& piece : core.recent().find(partition.id(), from, max_bytes)) {
    for (std::string_view rest = piece; !rest.empty();) {
      const auto parsed = records::parse_batch(rest, records::BatchCheck::Shape);
      if (!parsed) return std::nullopt;
      const BatchRef batch{parsed->bytes, parsed->header.base_offset, parsed->header.last_offset()};
      rest.remove_prefix(batch.bytes.size());
      if (batch.last_offset < from) continue;
      if (batch.last_offset >= end || (!batches.empty() && size_bytes >= max_bytes)) {
        kept.push_back(std::move(piece));
        return batches;
      }
      batches.push_back(batch);
      size_bytes += batch.bytes.size();
    }
    kept.push_back(std::move(piece));
  }
  if (batches.empty()) return std::nullopt;
  return batches;
}

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

Status LogReader::begin_turn(Snapshot snapshot) {
  assert(!state_->in_turn);
  state_->slot->begin(state_->core.epochs());
  // The partition map is read before the snapshot is taken, so that the snapshot has every
  // partition of the map.
  if (const uint64_t version = state_->core.partitions_version();
      version != state_->partitions_version) {
    state_->partitions = state_->core.partitions();
    state_->partitions_version = version;
  }
  state_->in_turn = true;
  state_->snapshot = snapshot;
  if (snapshot == Snapshot::WhenNeeded) return {};
  if (auto taken = state_->store(); !taken) {
    end_turn();
    return std::move(taken).error();
  }
  return {};
}

void LogReader::end_turn() {
  assert(state_->in_turn);
  if (std::exchange(state_->has_snapshot, false)) state_->transaction->reset();
  state_->slot->end();
  state_->high_watermarks.clear();
  state_->kept.clear();
  state_->in_turn = false;
}

CommitId LogReader::commit_id() const {
  assert(state_->has_snapshot);
  return state_->transaction->commit_id();
}

Result<std::vector<BatchRef>> LogReader::read(const TopicPartition& id, Offset from,
                                              size_t max_bytes, ReadUpTo up_to) {
  const Partition& partition = *TRY(state_->find(id));
  if (from < Offset{0} || from < partition.log_start()) return state_->out_of_range(from);
  Offset end =
      up_to == ReadUpTo::LogEnd ? Offset{INT64_MAX} : TRY(state_->high_watermark_of(partition));
  if (up_to == ReadUpTo::LastStable) end = std::min(end, TRY(state_->undecided_of(partition)));
  if (state_->snapshot == Snapshot::WhenNeeded)
    if (auto recent = state_->read_recent(partition, from, end, max_bytes))
      return *std::move(recent);
  auto cursor = TRY(state_->cursor_of(partition));
  // A log that was copied from a leader may have gaps anywhere, because the leader's log was
  // compacted. In other logs, gaps are possible only before `gaps_end` in the partition's row. The
  // row is read when a gap is found.
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
  return state_->log_start_of(*partition);
}

Result<Offset> LogReader::readable_end(const TopicPartition& id) {
  return state_->readable_end_of(*TRY(state_->find(id)));
}

Result<Offset> LogReader::last_stable_offset(const TopicPartition& id) {
  const Partition& partition = *TRY(state_->find(id));
  const Offset end = TRY(state_->readable_end_of(partition));
  return std::min(end, TRY(state_->undecided_of(partition)));
}

Result<std::vector<AbortedTransaction>> LogReader::aborted(const TopicPartition& id, Offset from,
                                                           Offset end) {
  const Partition& partition = *TRY(state_->find(id));
  if (!partition.has_transactions()) return std::vector<AbortedTransaction>();
  return aborted_between(*TRY(state_->store()), state_->core.tables(), partition.number(), from,
                         end);
}

Result<std::optional<BatchRef>> LogReader::batch_for_time(const TopicPartition& id,
                                                          int64_t timestamp, Offset from) {
  const Partition& partition = *TRY(state_->find(id));
  auto cursor = TRY(state_->cursor_of(partition));
  ReadTransaction& read = *TRY(state_->store());
  const Offset candidate = TRY(first_candidate(read, state_->core.tables(), partition, timestamp));
  const Offset end = TRY(state_->high_watermark_of(partition));
  // Trimmed batches may still be in the store, so the search begins at the log start.
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
  ReadTransaction& read = *TRY(state_->store());
  const auto indexed = TRY(last_timestamp_entry(read, state_->core.tables(), partition));
  int64_t latest =
      indexed ? TRY(state_->max_timestamp_from(partition, std::max(log_start, indexed->end_offset)))
              : TRY(state_->max_timestamp_from(partition, log_start));
  if (indexed && indexed->time > latest) {
    // The entry has the largest timestamp so far, but that record may have been trimmed.
    const auto known = TRY(batch_for_time(id, indexed->time, log_start));
    latest = known ? indexed->time : TRY(state_->max_timestamp_from(partition, log_start));
  }
  if (latest == records::kNoTimestamp) return std::nullopt;
  return latest;
}

Result<LeaderEpoch> LogReader::first_leader_epoch(const TopicPartition& id) {
  const Partition& partition = *TRY(state_->find(id));
  auto cursor = TRY(state_->cursor_of(partition));
  const Offset log_start = TRY(state_->row_of(partition)).log_start;
  const auto first = TRY(cursor.seek(log_start));
  if (!first || first->last_offset >= TRY(state_->high_watermark_of(partition)))
    return partition.leader_epoch();
  return records::leader_epoch_of(TRY(batch_of(*first)).bytes.data());
}

Result<LeaderEpoch> LogReader::leader_epoch(const TopicPartition& id) {
  return TRY(state_->find(id))->leader_epoch();
}

Result<uint64_t> LogReader::size_bytes(const TopicPartition& id) {
  const Partition& partition = *TRY(state_->find(id));
  return TRY(state_->store())->size_bytes(partition.table());
}

Result<std::vector<ActiveProducer>> LogReader::producers(const TopicPartition& id) {
  const Partition& partition = *TRY(state_->find(id));
  ReadTransaction& read = *TRY(state_->store());
  const auto cursor = TRY(read.cursor(state_->core.tables().producers));
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
  auto cursor = TRY(state_->cursor_of(partition));
  const Offset log_end = TRY(state_->log_end_of(partition, cursor));
  return storage::end_of_epoch(*TRY(state_->store()), state_->core.tables(), partition.number(),
                               asked, partition.leader_epoch(), log_end);
}

Result<Offset> LogReader::end_appended_before(const TopicPartition& id, int64_t time_ms) {
  const Partition& partition = *TRY(state_->find(id));
  const Offset log_start = TRY(state_->row_of(partition)).log_start;
  ReadTransaction& read = *TRY(state_->store());
  return std::max(log_start, TRY(storage::end_appended_before(read, state_->core.tables(),
                                                              partition, time_ms)));
}

}  // namespace storage
