#include "storage/log/group_transaction.h"

#include <fmt/format.h>

#include <algorithm>

namespace storage {

namespace {

// Of one trim; what is left goes with the next one, so that a long backlog delays nobody.
constexpr size_t kMaxTrimmedBatches = 10'000;

}  // namespace

GroupTransaction::GroupTransaction(std::unique_ptr<WriteTransaction> transaction,
                                   const LogTables& tables, const PartitionMap& partitions,
                                   size_t free_tables)
    : transaction_(std::move(transaction)),
      tables_(tables),
      partitions_(partitions),
      free_tables_(free_tables) {}

Result<size_t> GroupTransaction::find(const TopicPartition& id) {
  const bool is_dropped = dropped_ids_.contains(id);
  if (const auto known = moved_index_.find(id); known != moved_index_.end() && !is_dropped)
    return known->second;
  const std::shared_ptr<Partition>* found = partitions_.find(id);
  if (found == nullptr || is_dropped)
    return Error{.code = ErrorCode::UnknownTopic,
                 .message = "partition does not exist",
                 .detail = fmt::format("The topic's id is {}, the partition {}.",
                                       id.topic.to_string(), id.partition.value())};
  const std::shared_ptr<Partition>& partition = *found;
  moved_.push_back(
      {partition, partition->log_start(), partition->log_end(), partition->leader_epoch()});
  return moved_index_[id] = moved_.size() - 1;
}

// --- Appending

Result<std::vector<AppendedBatch>> GroupTransaction::append(AppendRequest& request) {
  const Plan plan = TRY(this->plan(request.parts, Origin::Client));
  return write(plan);
}

Result<GroupTransaction::Plan> GroupTransaction::plan(std::vector<PartitionBatches>& parts,
                                                      Origin origin) {
  Plan plan;
  for (PartitionBatches& part : parts) {
    const size_t moved_index = TRY(find(part.partition));
    plan.log_ends.try_emplace(moved_index, moved_[moved_index].log_end);
    for (std::span<char> rest = part.batches; !rest.empty();) {
      TRY(plan_batch(plan, moved_index, rest, origin));
      rest = rest.subspan(plan.batches.back().bytes.size());
    }
  }
  return plan;
}

Status GroupTransaction::plan_batch(Plan& plan, size_t moved_index, std::span<char> rest,
                                    Origin origin) {
  const records::BatchView batch =
      TRY(records::parse_batch({rest.data(), rest.size()}, records::BatchCheck::Shape));
  const records::BatchHeader& header = batch.header;
  Offset& log_end = plan.log_ends.at(moved_index);
  PlannedBatch planned{.moved_index = moved_index,
                       .bytes = rest.first(header.size_bytes),
                       .base_offset = log_end,
                       .last_offset = log_end + header.last_offset_delta,
                       .is_duplicate = false};
  if (origin == Origin::Client && header.producer_id != records::kNoProducer) {
    const std::string key = producer_key(moved_[moved_index].partition->id(), header.producer_id);
    ProducerState& state = *TRY(producer_state(plan, key));
    const ProducerState::Verdict verdict = TRY(state.check(header));
    if (const auto* duplicate = std::get_if<ProducerState::Duplicate>(&verdict)) {
      planned.is_duplicate = true;
      planned.base_offset = duplicate->base_offset;
      planned.last_offset = duplicate->base_offset + header.last_offset_delta;
    } else {
      state.appended(header, planned.base_offset);
    }
  }
  if (!planned.is_duplicate) log_end = planned.last_offset + 1;
  plan.batches.push_back(planned);
  return {};
}

Result<ProducerState*> GroupTransaction::producer_state(Plan& plan, const std::string& key) {
  if (const auto known = plan.producers.find(key); known != plan.producers.end())
    return &known->second;
  ProducerState state;
  if (const auto stored = TRY(transaction_->get(tables_.producers, key)))
    state = TRY(ProducerState::decode(*stored));
  return &plan.producers.emplace(key, std::move(state)).first->second;
}

Result<std::vector<AppendedBatch>> GroupTransaction::write(const Plan& plan) {
  std::vector<AppendedBatch> appended;
  appended.reserve(plan.batches.size());
  for (const PlannedBatch& batch : plan.batches) {
    Moved& moved = moved_[batch.moved_index];
    appended.push_back({moved.partition->id(), batch.base_offset, batch.last_offset});
    if (batch.is_duplicate) continue;
    records::set_base_offset(batch.bytes.data(), batch.base_offset);
    records::set_leader_epoch(batch.bytes.data(), moved.leader_epoch);
    const IntegerKey key(static_cast<uint64_t>(batch.last_offset.value()));
    TRY(transaction_->append(moved.partition->table(), key,
                             {batch.bytes.data(), batch.bytes.size()}));
    moved.log_end = batch.last_offset + 1;
    moved.has_new_records = true;
  }
  for (const auto& [key, state] : plan.producers)
    TRY(transaction_->put(tables_.producers, key, state.encode()));
  return appended;
}

// --- Tasks

Result<std::vector<AppendedBatch>> GroupTransaction::commit_task(TaskCommit& commit) {
  const TaskRow row = TRY(check_task(commit));
  TRY(check_trims(commit));
  const Plan plan = TRY(this->plan(commit.outputs, Origin::Task));
  auto appended = TRY(write(plan));
  TRY(write_task(commit, row));
  return appended;
}

Result<std::optional<TaskRow>> GroupTransaction::task_row(std::string_view task) {
  const auto stored = TRY(transaction_->get(tables_.tasks, task));
  if (!stored) return std::nullopt;
  return TRY(decode_task_row(*stored));
}

Result<TaskRow> GroupTransaction::check_task(const TaskCommit& commit) {
  if (commit.task.empty() || commit.task.size() > kMaxTaskIdSize)
    return Error{ErrorCode::InvalidParameter, "the id of a task is empty or too long"};
  const auto row = TRY(task_row(commit.task));
  if (!row || row->epoch != commit.epoch)
    return Error{ErrorCode::FencedTask, fmt::format("task {} has a newer owner: epoch {} is over",
                                                    commit.task, commit.epoch.value())};
  if (commit.sequence != row->last_sequence + 1)
    return Error{ErrorCode::OutOfOrderSequence,
                 fmt::format("task {} sent commit {} where {} is next", commit.task,
                             commit.sequence.value(), row->last_sequence.value() + 1)};
  TaskRow next = *row;
  next.last_sequence = commit.sequence;
  return next;
}

Status GroupTransaction::check_trims(const TaskCommit& commit) {
  for (const PartitionTrim& trim : commit.trims) {
    const size_t moved_index = TRY(find(trim.partition));
    if (trim.end_offset > moved_[moved_index].log_end)
      return Error{ErrorCode::OffsetOutOfRange, "a partition cannot be trimmed beyond its end"};
  }
  return {};
}

Status GroupTransaction::write_task(const TaskCommit& commit, TaskRow row) {
  TRY(transaction_->put(tables_.tasks, commit.task, encode(row)));
  TRY(transaction_->put(tables_.journals, journal_key(row.journal, commit.sequence),
                        commit.journal));
  for (const PartitionTrim& trim : commit.trims) TRY(write_trim(trim));
  return {};
}

Status GroupTransaction::write_trim(const PartitionTrim& trim) {
  Moved& moved = moved_[TRY(find(trim.partition))];
  if (trim.end_offset <= moved.log_start) return {};
  // Keys are last offsets, so this leaves a batch that reaches over the end.
  const IntegerKey first(0), end(static_cast<uint64_t>(trim.end_offset.value()));
  TRY(transaction_->erase_range(moved.partition->table(), first, end, kMaxTrimmedBatches));
  moved.log_start = trim.end_offset;
  const PartitionRow row{moved.partition->kind(), moved.leader_epoch, moved.log_start,
                         moved.log_end};
  return transaction_->put(tables_.partitions, partition_key(trim.partition), encode(row));
}

Result<std::vector<TaskStart>> GroupTransaction::raise_epochs(std::span<const std::string> tasks) {
  // All are checked first: a refused request has written nothing.
  for (const std::string& task : tasks)
    if (task.empty() || task.size() > kMaxTaskIdSize || task.find('\0') != task.npos)
      return Error{ErrorCode::InvalidParameter,
                   "the id of a task is empty, too long, or has a NUL"};
  std::vector<TaskStart> starts;
  starts.reserve(tasks.size());
  for (const std::string& task : tasks) starts.push_back(TRY(raise_epoch(task)));
  return starts;
}

Result<TaskStart> GroupTransaction::raise_epoch(std::string_view task) {
  TaskRow row = TRY(task_row(task)).value_or(TaskRow{});
  ++row.epoch;
  // A producer's epoch has 15 bits: after that many owners the task is another producer.
  const auto producer_epoch = static_cast<int16_t>(row.epoch.value() & INT16_MAX);
  if (row.epoch == TaskEpoch{1}) row.journal = JournalId{TRY(take_numbers(kNextJournalId, 1))};
  if (row.epoch == TaskEpoch{1} || producer_epoch == 0)
    row.producer_id = TRY(allocate_producer_ids(1));
  TRY(transaction_->put(tables_.tasks, task, encode(row)));
  return TaskStart{row.epoch, row.last_sequence, row.producer_id, producer_epoch};
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

Status GroupTransaction::trim_journal(std::string_view task, TaskSequence last_sequence) {
  const auto row = TRY(task_row(task));
  if (!row) return {};
  TRY(transaction_->erase_range(tables_.journals, journal_key(row->journal, TaskSequence{0}),
                                journal_key(row->journal, last_sequence + 1)));
  return {};
}

Status GroupTransaction::drop_tasks(std::string_view prefix) {
  const auto end = end_of_prefix(std::string(prefix));
  if (!end) return Error{ErrorCode::InvalidParameter, "the prefix of task ids is empty"};
  std::vector<JournalId> journals;
  const auto cursor = TRY(transaction_->cursor(tables_.tasks));
  for (auto entry = TRY(cursor->seek(prefix)); entry && entry->key < *end;
       entry = TRY(cursor->next()))
    journals.push_back(TRY(decode_task_row(entry->value)).journal);
  TRY(transaction_->erase_range(tables_.tasks, prefix, *end));
  for (const JournalId journal : journals)
    TRY(transaction_->erase_range(tables_.journals, journal_key(journal, TaskSequence{0}),
                                  journal_key(journal + 1, TaskSequence{0})));
  return {};
}

// --- Partitions

Status GroupTransaction::create_partitions(const Uuid& topic, int32_t count, PartitionKind kind) {
  if (count < 1) return Error{ErrorCode::InvalidParameter, "a topic needs at least one partition"};
  int32_t existing = 0;  // partitions are numbered without gaps
  while (existing < count && find({topic, PartitionId{existing}})) ++existing;
  const auto missing = static_cast<size_t>(count - existing);
  if (missing > free_tables_)
    return Error{
        .code = ErrorCode::LimitExceeded,
        .message = "too many partitions for one data directory",
        .detail = fmt::format("There is room for {} more partitions, and {} were asked for.",
                              free_tables_, missing),
        .hint = "Drop topics, or ask for fewer partitions."};
  for (int32_t number = existing; number < count; ++number)
    TRY(create_partition({topic, PartitionId{number}}, kind));
  return {};
}

Status GroupTransaction::create_partition(const TopicPartition& id, PartitionKind kind) {
  const TableHandle table =
      TRY(transaction_->open_table(partition_table_name(id), KeyOrder::Integer));
  TRY(transaction_->put(tables_.partitions, partition_key(id),
                        encode(PartitionRow{kind, {}, {}, {}})));
  created_.push_back(std::make_shared<Partition>(id, kind, table));
  moved_index_[id] = moved_.size();
  moved_.push_back({created_.back(), Offset{0}, Offset{0}, LeaderEpoch{0}});
  --free_tables_;
  return {};
}

Status GroupTransaction::drop_topic(const Uuid& topic) {
  // Partitions are numbered without gaps.
  for (PartitionId number{0};; ++number) {
    const auto moved_index = find({topic, number});
    if (!moved_index) return {};
    TRY(drop_partition(moved_[*moved_index].partition));
  }
}

Status GroupTransaction::drop_partition(const std::shared_ptr<Partition>& partition) {
  const std::string key = partition_key(partition->id());
  // The name goes later, when no reader can be using the table any more.
  TRY(transaction_->clear_table(partition->table()));
  TRY(transaction_->erase(tables_.partitions, key));
  TRY(transaction_->erase_range(tables_.producers, key, *end_of_prefix(key)));
  dropped_.push_back(partition);
  dropped_ids_.insert(partition->id());
  return {};
}

}  // namespace storage
