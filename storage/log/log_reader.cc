#include "storage/log/log_reader.h"

#include <fmt/format.h>

#include <cassert>

#include "records/batch.h"
#include "storage/log/batch_cursor.h"
#include "storage/log/log_core.h"
#include "storage/log/time_index.h"

namespace storage {

struct LogReader::State {
  LogCore& core;
  std::unique_ptr<ReadTransaction> transaction;
  std::shared_ptr<ReadEpochs::Slot> slot;
  std::shared_ptr<const PartitionMap> partitions;
  uint64_t partitions_version = 0;
  bool in_turn = false;

  Result<Partition*> find(const TopicPartition& id) const;
  Result<PartitionRow> row_of(const Partition& partition) const;
  Result<Offset> end_of(const Partition& partition, BatchCursor& cursor) const;
  Error out_of_range(Offset offset) const;
};

Result<Partition*> LogReader::State::find(const TopicPartition& id) const {
  assert(in_turn);
  const auto found = partitions->find(id);
  // Asked at each use: a dropped partition's table may be another's by now.
  if (found == nullptr || (*found)->is_dropped())
    return Error{ErrorCode::UnknownTopic, "partition does not exist"};
  return found->get();
}

Result<PartitionRow> LogReader::State::row_of(const Partition& partition) const {
  const auto row = TRY(transaction->get(core.tables().partitions, partition_key(partition.id())));
  if (!row) return Error{ErrorCode::UnknownTopic, "partition does not exist"};
  return decode_partition_row(*row);
}

// Everything in the snapshot is durable, and there are no replicas to wait for, so its end is the
// readable end. (The published high watermark may be a commit behind or ahead of the snapshot.)
Result<Offset> LogReader::State::end_of(const Partition& partition, BatchCursor& cursor) const {
  if (const auto last = TRY(cursor.last())) return last->last_offset + 1;
  return TRY(row_of(partition)).end_when_empty;
}

Error LogReader::State::out_of_range(Offset offset) const {
  return {ErrorCode::OffsetOutOfRange,
          fmt::format("offset {} is not in the partition", offset.value())};
}

namespace {

Result<BatchRef> batch_of(const StoredBatch& stored) {
  if (stored.bytes.size() < records::kBatchHeaderSize)
    return Error{ErrorCode::StorageFailure, "the data file has a damaged record batch"};
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
  state_->in_turn = false;
}

Result<std::vector<BatchRef>> LogReader::read(const TopicPartition& id, Offset from,
                                              size_t max_bytes) {
  const Partition& partition = *TRY(state_->find(id));
  if (from < Offset{0} || from < partition.log_start()) return state_->out_of_range(from);
  auto cursor = TRY(BatchCursor::open(*state_->transaction, partition));
  std::vector<BatchRef> batches;
  size_t size_bytes = 0;
  auto stored = TRY(cursor.seek(from));
  for (; stored && (batches.empty() || size_bytes < max_bytes); stored = TRY(cursor.next())) {
    batches.push_back(TRY(batch_of(*stored)));
    size_bytes += stored->bytes.size();
  }
  if (batches.empty()) {
    if (from > TRY(state_->end_of(partition, cursor))) return state_->out_of_range(from);
  } else if (batches.front().base_offset > from &&
             from < TRY(state_->row_of(partition)).log_start) {
    return state_->out_of_range(from);
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
  return state_->end_of(partition, cursor);
}

Result<std::optional<BatchRef>> LogReader::batch_for_time(const TopicPartition& id,
                                                          int64_t timestamp, Offset from) {
  const Partition& partition = *TRY(state_->find(id));
  auto cursor = TRY(BatchCursor::open(*state_->transaction, partition));
  const Offset candidate =
      TRY(first_candidate(*state_->transaction, state_->core.tables(), partition, timestamp));
  auto stored = TRY(cursor.seek(std::max(candidate, from)));
  for (; stored; stored = TRY(cursor.next())) {
    const BatchRef batch = TRY(batch_of(*stored));
    const auto view = TRY(records::parse_batch(batch.bytes, records::BatchCheck::Shape));
    if (view.header.max_timestamp >= timestamp) return batch;
  }
  return std::nullopt;
}

Result<Offset> LogReader::end_appended_before(const TopicPartition& id, int64_t time_ms) {
  const Partition& partition = *TRY(state_->find(id));
  const Offset log_start = TRY(state_->row_of(partition)).log_start;
  return std::max(log_start, TRY(storage::end_appended_before(
                                 *state_->transaction, state_->core.tables(), partition, time_ms)));
}

}  // namespace storage
