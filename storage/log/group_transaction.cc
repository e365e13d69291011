#include "storage/log/group_transaction.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "storage/log/batch_cursor.h"
#include "storage/log/epoch_history.h"
#include "storage/log/task_journal.h"
#include "storage/log/time_index.h"
#include "storage/log/transaction_index.h"

namespace storage {

namespace {

// Limits up to which remove() removes a range within the group. A query's task that keeps up with
// its input trims the input in steps of at most this size.
constexpr size_t kMaxRemovedAtOnce = 64, kMaxBytesRemovedAtOnce = 4 << 20;

const Uuid& topic_of(const AppendedBatch& batch) { return batch.partition.topic; }

}  // namespace

GroupTransaction::GroupTransaction(std::unique_ptr<WriteTransaction> transaction,
                                   const Context& context)
    : transaction_(std::move(transaction)),
      tables_(context.tables),
      partitions_(context.partitions),
      owners_(context.owners),
      free_tables_(context.free_tables),
      now_ms_(context.now_ms),
      guards_(context.guards),
      is_small_(context.is_small) {}

Result<size_t> GroupTransaction::find(const TopicPartition& id) {
  const size_t place = TRY(find_any(id));
  if (const auto& damage = moved_[place].partition->damage()) return *damage;
  return place;
}

Result<size_t> GroupTransaction::find_any(const TopicPartition& id) {
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
      {.partition = partition, .state = partition->state(), .time_mark = partition->time_mark()});
  return moved_index_[id] = moved_.size() - 1;
}

// --- Appending

Result<std::vector<AppendedBatch>> GroupTransaction::append(AppendRequest& request) {
  Plan plan;
  for (PartitionBatches& part : request.parts) TRY(add_to(plan, part));
  return write(plan);
}

Status GroupTransaction::add_to(Plan& plan, PartitionBatches& part) {
  if (part.under) {
    const LeaderEpoch now = moved_[TRY(find(part.partition))].state.leader_epoch;
    if (now != *part.under)
      return Error{ErrorCode::FencedLeaderEpoch,
                   fmt::format("leader epoch {} has ended, the partition is at {}",
                               part.under->value(), now.value())};
  }
  if (part.guard) TRY(part.guard->check());
  return add_to(plan, part.partition, part.batches, part.guard.get());
}

Status GroupTransaction::add_to(Plan& plan, const TopicPartition& partition,
                                std::span<char> batches, const TransactionGuard* guard) {
  const size_t moved_index = TRY(find(partition));
  const PartitionState& state = moved_[moved_index].state;
  if (state.role == ReplicaRole::Follower)
    return Error{ErrorCode::NotLeader, "another node is the leader of the partition"};
  plan.log_ends.try_emplace(moved_index, state.log_end);
  while (!batches.empty()) {
    TRY(plan_batch(plan, moved_index, batches, guard));
    batches = batches.subspan(plan.batches.back().bytes.size());
  }
  return {};
}

Status GroupTransaction::plan_batch(Plan& plan, size_t moved_index, std::span<char> rest,
                                    const TransactionGuard* guard) {
  const records::BatchView batch =
      TRY(records::parse_batch({rest.data(), rest.size()}, records::BatchCheck::Shape));
  const records::BatchHeader& header = batch.header;
  Offset& log_end = plan.log_ends.at(moved_index);
  PlannedBatch planned{.moved_index = moved_index,
                       .bytes = rest.first(header.size_bytes),
                       .base_offset = log_end,
                       .last_offset = log_end + header.last_offset_delta,
                       .max_timestamp = header.max_timestamp,
                       .is_duplicate = false};
  if (header.producer_id != records::kNoProducer) TRY(check_sequence(plan, planned, batch, guard));
  if (!planned.is_duplicate) log_end = planned.last_offset + 1;
  plan.batches.push_back(planned);
  return {};
}

// Decides by the sequence whether the batch was appended before, is refused, or is to be appended.
Status GroupTransaction::check_sequence(Plan& plan, PlannedBatch& planned,
                                        const records::BatchView& batch,
                                        const TransactionGuard* guard) {
  const records::BatchHeader& header = batch.header;
  const Partition& partition = *moved_[planned.moved_index].partition;
  const std::string key = producer_key(partition.number(), header.producer_id);
  if (is_task_producer(header.producer_id)) {
    TaskOutputState& state = *TRY(task_output(plan, key));
    if (TRY(state.check(header)) == TaskOutputState::Verdict::Duplicate) {
      planned.is_duplicate = true;
      planned.base_offset = planned.last_offset = state.last_offset();
    } else {
      state.appended(header, planned.last_offset);
    }
    return {};
  }
  ProducerState& state = *TRY(producer_state(plan, key));
  if (header.is_control()) {
    const records::TransactionMarker marker = TRY(records::parse_marker(batch));
    TRY(state.check_marker(header, marker));
    guards_.end(partition.id(), header.producer_id);
    planned.step = TRY(remember(state, batch, planned.base_offset, now_ms_));
    return {};
  }
  const ProducerState::Verdict verdict = TRY(state.check(header));
  if (guard != nullptr && state.coordinator_epoch() > guard->coordinator_epoch())
    // This error makes the client retry. The new coordinator then handles the retry.
    return Error{ErrorCode::NotEnoughReplicas,
                 "the coordinator that verified the transaction has lost its role"};
  if (const auto* duplicate = std::get_if<ProducerState::Duplicate>(&verdict)) {
    planned.is_duplicate = true;
    planned.base_offset = duplicate->base_offset;
    planned.last_offset = duplicate->base_offset + header.last_offset_delta;
  } else {
    planned.step = TRY(remember(state, batch, planned.base_offset, now_ms_));
  }
  return {};
}

Result<std::optional<GroupTransaction::TransactionStep>> GroupTransaction::remember(
    ProducerState& state, const records::BatchView& batch, Offset base_offset, int64_t now_ms) {
  const records::BatchHeader& header = batch.header;
  if (header.is_control()) {
    const records::TransactionMarker marker = TRY(records::parse_marker(batch));
    const TransactionStep step{header.producer_id, marker.end, state.open_since()};
    state.ended(header, marker, now_ms);
    return step;
  }
  state.appended(header, base_offset, now_ms);
  if (!header.is_transactional() || state.open_since()) return std::nullopt;
  state.set_open_since(base_offset);
  return TransactionStep{header.producer_id, std::nullopt, base_offset};
}

Result<ProducerState*> GroupTransaction::producer_state(Plan& plan, const std::string& key) {
  if (const auto known = plan.producers.find(key); known != plan.producers.end())
    return &known->second;
  const auto stored = TRY(stored_producer(key));
  return &plan.producers.emplace(key, stored.value_or(ProducerState())).first->second;
}

Result<std::optional<ProducerState>> GroupTransaction::stored_producer(const std::string& key) {
  const auto stored = TRY(transaction_->get(tables_.producers, key));
  if (!stored) return std::nullopt;
  return TRY(ProducerState::decode(*stored));
}

Result<TaskOutputState*> GroupTransaction::task_output(Plan& plan, const std::string& key) {
  if (const auto known = plan.task_outputs.find(key); known != plan.task_outputs.end())
    return &known->second;
  const TaskOutputState stored = TRY(stored_task_output(key));
  return &plan.task_outputs.emplace(key, stored).first->second;
}

Result<TaskOutputState> GroupTransaction::stored_task_output(const std::string& key) {
  const auto stored = TRY(transaction_->get(tables_.producers, key));
  return stored ? TaskOutputState::decode(*stored) : TaskOutputState();
}

Result<std::vector<AppendedBatch>> GroupTransaction::write(const Plan& plan) {
  std::vector<AppendedBatch> appended;
  appended.reserve(plan.batches.size());
  for (const PlannedBatch& batch : plan.batches) {
    Moved& moved = moved_[batch.moved_index];
    appended.push_back({moved.partition->id(), batch.base_offset, batch.last_offset});
    if (batch.is_duplicate) continue;
    TRY(write_batch(batch));
    if (batch.step) TRY(take_step(moved, *batch.step, batch.base_offset));
  }
  for (const auto& [key, state] : plan.producers)
    TRY(transaction_->put(tables_.producers, key, state.encode()));
  for (const auto& [key, state] : plan.task_outputs)
    TRY(transaction_->put(tables_.producers, key, state.encode()));
  for (const auto& [moved_index, log_end] : plan.log_ends)
    if (moved_[moved_index].state.role == ReplicaRole::Leader)
      TRY(put_row(moved_[moved_index]));  // also stores the leader's high watermark
  return appended;
}

Status GroupTransaction::write_batch(const PlannedBatch& batch) {
  Moved& moved = moved_[batch.moved_index];
  // Each batch begins at the log end, so that appends leave no gaps and use no offset twice.
  assert(batch.base_offset == moved.state.log_end);
  records::set_base_offset(batch.bytes.data(), batch.base_offset);
  records::set_leader_epoch(batch.bytes.data(), moved.state.leader_epoch);
  return store_batch(moved, {batch.bytes.data(), batch.bytes.size()}, batch.last_offset,
                     batch.max_timestamp);
}

// Records the begin or the end of a transaction. `offset` is the offset of the batch that begins or
// ends it.
Status GroupTransaction::take_step(Moved& moved, const TransactionStep& step, Offset offset) {
  const LogNumber number = moved.partition->number();
  moved.partition->note_transactions();
  if (!step.first_offset) return {};  // the transaction has written no batch to this partition
  const OpenTransaction open{step.producer, *step.first_offset};
  const Offset high_watermark =
      moved.state.role == ReplicaRole::Alone ? Offset{INT64_MAX} : moved.state.high_watermark;
  if (step.end)
    TRY(end_transaction(*transaction_, tables_, number, open, offset, *step.end, high_watermark));
  else
    TRY(begin_transaction(*transaction_, tables_, number, open));
  moved.state.first_undecided = TRY(first_undecided(*transaction_, tables_, number, high_watermark))
                                    .value_or(Offset{INT64_MAX});
  return {};
}

Status GroupTransaction::store_batch(Moved& moved, std::string_view bytes, Offset last_offset,
                                     int64_t max_timestamp) {
  const Partition& partition = *moved.partition;
  assert(last_offset >= moved.state.log_end);  // else the batch would replace a stored one
  const BatchKey key(partition, last_offset);
  keep_recent(moved, bytes);
  moved.state.log_end = last_offset + 1;
  moved.has_new_records = true;
  if (partition.kind() == PartitionKind::Internal)
    return transaction_->put(partition.table(), key, bytes);
  if (!moved.time_mark) moved.time_mark = TRY(load_time_mark(*transaction_, tables_, partition));
  TRY(transaction_->append(partition.table(), key, bytes));
  return index_batch(*transaction_, tables_, partition, *moved.time_mark,
                     {bytes.size(), max_timestamp, last_offset + 1}, now_ms_);
}

// Keeps a copy of a small batch in memory, so that readers of the batch do not force the delayed
// write (log_core.cc). Copying a large batch would cost more than it saves.
void GroupTransaction::keep_recent(Moved& moved, std::string_view batch) {
  if (!is_small_) return;
  if (moved.partition->id().topic == kTaskJournal) return;  // JournalReader reads the store
  const Offset base{load_be<int64_t>(batch.data())};
  if (moved.recent.empty() || base != moved.state.log_end) {
    moved.recent.clear();
    moved.recent_from = base;
  }
  moved.recent += batch;
}

Status GroupTransaction::put_row(const Moved& moved) {
  const Partition& partition = *moved.partition;
  const PartitionState& state = moved.state;
  assert(state.log_start <= state.log_end);
  assert(state.role != ReplicaRole::Follower || state.high_watermark <= state.log_end);
  // The leader's high watermark may have advanced since the group began, so the greater value is kept.
  const Offset high_watermark = state.role == ReplicaRole::Leader
                                    ? std::max(state.high_watermark, partition.high_watermark())
                                    : state.high_watermark;
  return transaction_->put(
      tables_.partitions, partition_key(partition.id()),
      encode(PartitionRow{partition.kind(), partition.number(), state.leader_epoch, state.log_start,
                          state.log_end, state.role, high_watermark, state.cleaned_end,
                          state.gaps_end, partition.naming()}));
}

// --- Tasks

// All checks come before the first write, so that a refused request has written nothing.
Result<std::vector<AppendedBatch>> GroupTransaction::commit_tasks(std::span<TaskCommit> commits,
                                                                  Decided decided) {
  Plan plan;
  NewSequences sequences;
  for (TaskCommit& commit : commits) {
    const TaskOwner& owner = *TRY(check_task(commit, sequences));
    TRY(check_trims(commit, decided));
    for (PartitionBatches& part : commit.outputs) TRY(add_to(plan, part.partition, part.batches));
    TRY(add_to(plan, journal_partition(owner.journal), commit.journal));
  }
  std::vector<AppendedBatch> appended = TRY(write(plan));
  // Callers find the position of each commit in its journal by counting these batches.
  assert(std::ranges::count(appended, kTaskJournal, topic_of) == std::ssize(commits));
  for (const TaskCommit& commit : commits) {
    for (PartitionTrim trim : commit.trims) {
      trim.end_offset = std::min(trim.end_offset, moved_[TRY(find(trim.partition))].state.log_end);
      TRY(write_trim(trim));
    }
    TaskOwner& owner = *find_owner(commit.task);
    assert(!owner.last_sequence || commit.sequence == *owner.last_sequence + 1);
    owner.last_sequence = commit.sequence;
  }
  return appended;
}

Result<std::optional<TaskRow>> GroupTransaction::task_row(std::string_view task) {
  const auto stored = TRY(transaction_->get(tables_.tasks, task));
  if (!stored) return std::nullopt;
  return TRY(decode_task_row(task, *stored));
}

// Returns the owner, including changes by this group; null if no owner may commit for the task.
TaskOwner* GroupTransaction::find_owner(const std::string& task) {
  if (const auto changed = changed_owners_.find(task); changed != changed_owners_.end())
    return changed->second ? &*changed->second : nullptr;
  const auto known = owners_.find(task);
  if (known == owners_.end()) return nullptr;
  return &*changed_owners_.emplace(task, known->second).first->second;
}

Result<const TaskOwner*> GroupTransaction::check_task(const TaskCommit& commit,
                                                      NewSequences& sequences) {
  const TaskOwner* owner = find_owner(commit.task);
  if (owner == nullptr || owner->epoch != commit.epoch)
    return Error{ErrorCode::FencedTask, fmt::format("task {} has a newer owner: epoch {} has ended",
                                                    commit.task, commit.epoch.value())};
  // The first commit of a new owner is not checked, because the owner has read the task's last
  // sequence from the journal.
  std::optional<TaskSequence>& last =
      sequences.try_emplace(commit.task, owner->last_sequence).first->second;
  if (last && commit.sequence != *last + 1)
    return Error{ErrorCode::OutOfOrderSequence,
                 fmt::format("task {} sent commit {}, but {} is the next one", commit.task,
                             commit.sequence.value(), last->value() + 1)};
  last = commit.sequence;
  return owner;
}

// A decided commit cannot be refused. If one of its trims is beyond the log end, the trim is
// shortened later.
Status GroupTransaction::check_trims(const TaskCommit& commit, Decided decided) {
  for (const PartitionTrim& trim : commit.trims) {
    const size_t moved_index = TRY(find(trim.partition));
    if (decided == Decided::Here && trim.end_offset > moved_[moved_index].state.log_end)
      return Error{ErrorCode::OffsetOutOfRange, "a partition cannot be trimmed beyond its end"};
  }
  return {};
}

Status GroupTransaction::write_trim(const PartitionTrim& trim) {
  Moved& moved = moved_[TRY(find(trim.partition))];
  if (trim.end_offset <= moved.state.log_start) return {};
  assert(trim.end_offset <= moved.state.log_end);  // else the next append would reuse offsets
  moved.state.log_start = trim.end_offset;
  const Partition& partition = *moved.partition;
  TRY(put_row(moved));
  if (moved.state.leader_epoch > LeaderEpoch{0})
    TRY(forget_epochs_before(*transaction_, tables_, partition.number(), trim.end_offset));
  if (partition.has_transactions())
    TRY(forget_aborted_before(*transaction_, tables_, partition.number(), trim.end_offset));
  if (partition.kind() == PartitionKind::Client) TRY(trim_time_index(partition, trim.end_offset));
  // The keys of batches are their last offsets, so a batch that extends beyond the end is kept.
  return remove({.table = batch_table_name(partition),
                 .first_key = std::string(BatchKey(partition, Offset{0})),
                 .end_key = std::string(BatchKey(partition, trim.end_offset))},
                partition.table());
}

Status GroupTransaction::trim_time_index(const Partition& partition, Offset log_start) {
  const std::pair<std::string_view, TableHandle> tables[] = {
      {kTimestampsTable, tables_.timestamps}, {kAppendTimesTable, tables_.append_times}};
  for (const auto& [name, table] : tables) {
    const auto end = TRY(first_time_behind(*transaction_, table, partition.number(), log_start));
    TRY(remove({.table = std::string(name),
                .first_key = time_key(partition.number(), INT64_MIN),
                .end_key = end},
               table));
  }
  return {};
}

// Removes a small range within the group. Records a larger range for removal in slices. No reader
// can see the range: it lies before the log start or, in a journal, before the checkpoint.
Status GroupTransaction::remove(const Removal& removal, TableHandle table) {
  const Erased erased = TRY(transaction_->erase_range(table, removal.first_key, removal.end_key,
                                                      {kMaxRemovedAtOnce, kMaxBytesRemovedAtOnce}));
  if (erased.is_all) return {};
  return remove_later(removal);
}

Status GroupTransaction::remove_later(const Removal& removal) {
  removals_.push_back(removal);
  return transaction_->put(tables_.removals, removal.key(), removal.value());
}

}  // namespace storage
