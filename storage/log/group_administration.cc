// The administrative part of a group transaction: task epochs, journals, creation and removal of
// partitions.
#include <fmt/format.h>

#include <algorithm>

#include "storage/log/batch_cursor.h"
#include "storage/log/epoch_history.h"
#include "storage/log/group_transaction.h"
#include "storage/log/task_journal.h"

namespace storage {

std::string batch_table_name(const Partition& partition) {
  return partition.kind() == PartitionKind::Client
             ? partition_table_name(partition.id(), partition.number(), partition.naming())
             : std::string(kExchangesTable);
}

// --- Tasks

Result<TaskStarts> GroupTransaction::begin_tasks(std::span<const std::string> tasks) {
  // All ids are checked before the first write, because a refused request must have written
  // nothing.
  for (const std::string& task : tasks)
    if (!is_task_id(task))
      return Error{ErrorCode::InvalidParameter,
                   "the id of a task is empty, too long, or has a NUL"};
  TaskStarts starts;
  starts.reserve(tasks.size());
  for (const std::string& task : tasks) {
    starts.push_back(begin_task(task));
    if (!starts.back() && is_broken()) return starts.back().error();
  }
  return starts;
}

// Begins a task, and fences its former owner. If the task exists, its new epoch is kept in memory
// only, because after a restart no former owner exists that would have to be fenced.
Result<TaskStart> GroupTransaction::begin_task(const std::string& task) {
  const auto known = TRY(task_row(task));
  const TaskRow row = known ? *known : TRY(make_task(task));
  if (const TaskOwner* former = find_owner(task)) {
    TaskOwner next = *former;
    ++next.epoch;
    changed_owners_[task] = next;
  } else {
    const LeaderEpoch epoch = moved_[TRY(find(journal_partition(row.journal)))].state.leader_epoch;
    TaskOwner first{.epoch = TaskEpoch{epoch.value()}, .journal = row.journal};
    if (!known) first.last_sequence = TaskSequence{0};
    changed_owners_[task] = first;
  }
  renewed_tasks_.push_back(task);
  return TaskStart{changed_owners_[task]->epoch, row.journal, row.first_entry, row.producer_id};
}

Status GroupTransaction::raise_journal_epochs() {
  for (int32_t journal = 0; journal < kJournalPartitions; ++journal) {
    Moved& moved = moved_[TRY(find(journal_partition(PartitionId(journal))))];
    ++moved.state.leader_epoch;
    TRY(begin_epoch(moved, moved.state.leader_epoch, moved.state.log_end));
    TRY(put_row(moved));
  }
  return {};
}

Result<TaskRow> GroupTransaction::make_task(const std::string& task) {
  TaskRow row{.journal = journal_of(task), .first_entry = {}, .producer_id = {}};
  row.first_entry = moved_[TRY(find(journal_partition(row.journal)))].state.log_end;
  row.producer_id = kFirstTaskProducer + TRY(take_numbers(kNextTaskProducer, 1));
  task_producers_.emplace_back(row.producer_id, IsAlive::Yes);
  TRY(transaction_->put(tables_.tasks, task, encode(row)));
  return row;
}

Result<ProducerId> GroupTransaction::allocate_producer_ids(int32_t count) {
  if (count < 1) return Error{ErrorCode::InvalidParameter, "no producer ids were asked for"};
  return ProducerId{TRY(take_numbers(kNextProducerId, count))};
}

Result<int64_t> GroupTransaction::take_numbers(std::string_view counter, int64_t count) {
  int64_t first = 0;
  if (const auto stored = TRY(transaction_->get(tables_.counters, counter));
      stored && stored->size() == sizeof(int64_t))
    first = load_be<int64_t>(stored->data());
  std::string next;
  append_be(next, first + count);
  TRY(transaction_->put(tables_.counters, counter, next));
  return first;
}

Status GroupTransaction::trim(const PartitionTrim& trim) {
  const size_t moved_index = TRY(find(trim.partition));
  if (trim.end_offset > moved_[moved_index].state.log_end)
    return Error{ErrorCode::OffsetOutOfRange, "a partition cannot be trimmed beyond its end"};
  return write_trim(trim);
}

// Drops the tasks. Their entries in the journals remain until the journals are trimmed.
Status GroupTransaction::drop_tasks(std::string_view prefix) {
  const auto end = end_of_prefix(std::string(prefix));
  if (!end) return Error{ErrorCode::InvalidParameter, "the prefix of task ids is empty"};
  auto cursor = TRY(transaction_->cursor(tables_.tasks));
  for (auto entry = TRY(cursor->seek(prefix)); entry && entry->key < *end;
       entry = TRY(cursor->next())) {
    // A task with a damaged row is dropped, too, because the damage is repaired by dropping its
    // query.
    if (const auto producer = decode_task_producer(entry->value))
      task_producers_.emplace_back(*producer, IsAlive::No);
    changed_owners_[std::string(entry->key)] = std::nullopt;
    renewed_tasks_.emplace_back(entry->key);
  }
  cursor.reset();
  TRY(transaction_->erase_range(tables_.tasks, prefix, *end));
  return {};
}

// --- Partitions

Status GroupTransaction::create_partitions(const Uuid& topic, int32_t count, PartitionKind kind) {
  if (count < 1) return Error{ErrorCode::InvalidParameter, "a topic needs at least one partition"};
  const int32_t existing = partition_count(topic);
  // A large request is executed in several calls. The first call checks the space for the whole
  // request, so that either all partitions are created or none.
  const auto missing = static_cast<size_t>(std::max(0, count - existing));
  if (kind == PartitionKind::Client && missing > free_tables_)
    return Error{
        .code = ErrorCode::LimitExceeded,
        // All facts are in the message, because Kafka's answers have no field for a detail.
        .message = fmt::format("too many partitions for one data directory: {} were requested, and "
                               "{} more are possible",
                               missing, free_tables_),
        .detail = "SHOW SERVER shows the current number of partitions and the limit.",
        .hint = "Drop topics, or request fewer partitions."};
  const int64_t end = std::min<int64_t>(count, int64_t{existing} + kPartitionsAtATime);
  for (int32_t number = existing; number < end; ++number)
    TRY(create_partition({topic, PartitionId{number}}, kind));
  return {};
}

bool GroupTransaction::has_partition(const TopicPartition& id) const {
  return !dropped_ids_.contains(id) && (moved_index_.contains(id) || partitions_.find(id));
}

// Returns the number of partitions of the topic. The partitions are numbered from 0 without gaps.
// So the function doubles a number until no partition has it, and then bisects between the last two
// numbers.
int32_t GroupTransaction::partition_count(const Uuid& topic) const {
  int64_t present = -1, absent = 0;
  while (absent < INT32_MAX && has_partition({topic, PartitionId(static_cast<int32_t>(absent))})) {
    present = absent;
    absent = 2 * absent + 1;
  }
  absent = std::min<int64_t>(absent, INT32_MAX);
  while (absent - present > 1) {
    const int64_t middle = (present + absent) / 2;
    (has_partition({topic, PartitionId(static_cast<int32_t>(middle))}) ? present : absent) = middle;
  }
  return static_cast<int32_t>(absent);
}

// Allocates the log number of a new partition. The number selects one of a few table names. A
// deleted partition with the same id may have had a table of that name, whose removal is not
// finished. Such a number is skipped, because the removal would delete the new records, too.
Result<LogNumber> GroupTransaction::number_of_new(const TopicPartition& id, PartitionKind kind) {
  const auto removals = TRY(transaction_->cursor(tables_.removals));
  for (int64_t tries = 0; tries < kTableNames; ++tries) {
    const LogNumber number{TRY(take_numbers(kNextLogNumber, 1))};
    if (kind != PartitionKind::Client) return number;
    const std::string first = Removal{
        .table = partition_table_name(id, number, TableNaming::ManyLengths),
        .first_key = {},
        .end_key = {}}.key();
    const auto going = TRY(removals->seek(first));
    if (!going || !going->key.starts_with(first)) return number;
  }
  return Error{ErrorCode::StorageFailure,
               "data of earlier partitions with this number is not removed yet"};
}

Status GroupTransaction::create_partition(const TopicPartition& id, PartitionKind kind) {
  const PartitionRow row{.kind = kind, .number = TRY(number_of_new(id, kind))};
  const TableHandle table =
      kind == PartitionKind::Client
          ? TRY(transaction_->open_table(partition_table_name(id, row.number, row.naming),
                                         KeyOrder::Integer))
          : tables_.exchanges;
  TRY(transaction_->put(tables_.partitions, partition_key(id), encode(row)));
  created_.push_back(std::make_shared<Partition>(id, row, table));
  created_.back()->opened(now_ms_);
  moved_index_[id] = moved_.size();
  moved_.push_back({.partition = created_.back(), .state = {}});
  if (kind == PartitionKind::Client) --free_tables_;
  return {};
}

Status GroupTransaction::drop_topic(const Uuid& topic) {
  const int32_t count = partition_count(topic);
  for (int32_t number = count; number > 0 && number > count - kPartitionsAtATime; --number) {
    const size_t place = TRY(find_any({topic, PartitionId(number - 1)}));
    TRY(drop_partition(moved_[place].partition));
  }
  return {};
}

// Drops a partition. Requests no longer find it after this commit. Its content is removed later, in
// slices.
Status GroupTransaction::drop_partition(const std::shared_ptr<Partition>& partition) {
  const LogNumber number = partition->number();
  TRY(transaction_->erase(tables_.partitions, partition_key(partition->id())));
  // The table of a damaged partition cannot be removed. It remains in the file without a row that
  // refers to it.
  if (!partition->damage())
    TRY(remove_later({.table = batch_table_name(*partition),
                      .first_key = std::string(BatchKey(*partition, Offset{0})),
                      .end_key = std::string(BatchKey(*partition, Offset{INT64_MAX})),
                      .takes_table = partition->kind() == PartitionKind::Client}));
  TRY(remove_later({.table = std::string(kProducersTable),
                    .first_key = producer_key(number, ProducerId{0}),
                    .end_key = producer_key(number, ProducerId{INT64_MAX})}));
  for (const std::string_view table : {kTimestampsTable, kAppendTimesTable})
    TRY(remove_later({.table = std::string(table),
                      .first_key = time_key(number, INT64_MIN),
                      .end_key = time_key(number + 1, INT64_MIN)}));
  if (partition->has_transactions())
    for (const std::string_view table : {kTransactionsTable, kAbortedTable})
      TRY(remove_later({.table = std::string(table),
                        .first_key = numbered_key(number.value(), 0),
                        .end_key = numbered_key(number.value() + 1, 0)}));
  if (partition->leader_epoch() > LeaderEpoch{0}) {
    const EpochKeys keys = epoch_keys(number);
    TRY(remove_later(
        {.table = std::string(kEpochsTable), .first_key = keys.first, .end_key = keys.end}));
  }
  dropped_.push_back(partition);
  dropped_ids_.insert(partition->id());
  return {};
}

}  // namespace storage
