#include "storage/log/log_core.h"

#include <absl/container/flat_hash_set.h>

#include "base/log.h"
#include "storage/kv/crash_point.h"

namespace storage {

LogCore::LogCore(std::unique_ptr<KeyValueStore> store, LogOptions options)
    : store_(std::move(store)), options_(std::move(options)), queue_(options_.queue_limit_bytes) {}

LogCore::~LogCore() { close(); }

void LogCore::close() {
  queue_.close();
  if (writer_.joinable()) writer_.join();
}

Result<std::unique_ptr<LogCore>> LogCore::open(std::unique_ptr<KeyValueStore> store,
                                               LogOptions options) {
  std::unique_ptr<LogCore> core(new LogCore(std::move(store), std::move(options)));
  TRY(core->recover());
  core->writer_ = std::thread([&writing = *core] { writing.run(); });
  return core;
}

// --- Recovery

Status LogCore::recover() {
  const auto transaction = TRY(store_->begin_write());
  tables_ = TRY(open_log_tables(*transaction));

  std::vector<std::pair<TopicPartition, PartitionRow>> rows;
  const auto cursor = TRY(transaction->cursor(tables_.partitions));
  for (auto entry = TRY(cursor->first()); entry; entry = TRY(cursor->next())) {
    const auto id = partition_of_key(entry->key);
    if (!id) return Error{ErrorCode::StorageFailure, "the data file has a damaged partition"};
    rows.emplace_back(*id, TRY(decode_partition_row(entry->value)));
  }

  auto partitions = std::make_shared<PartitionMap>();
  absl::flat_hash_set<std::string> known_tables;
  for (const auto& [id, row] : rows) {
    (*partitions)[id] = TRY(recover_partition(*transaction, id, row));
    known_tables.insert(partition_table_name(id));
  }
  // Tables of partitions that were dropped, and whose removal a stop came before.
  for (const std::string& name : TRY(transaction->table_names())) {
    if (!is_partition_table(name) || known_tables.contains(name)) continue;
    const TableHandle table = TRY(transaction->open_table(name, KeyOrder::Integer));
    TRY(transaction->remove_table(table));
  }
  TRY(transaction->commit());
  partitions_ = std::move(partitions);
  return {};
}

Result<std::shared_ptr<Partition>> LogCore::recover_partition(WriteTransaction& transaction,
                                                              const TopicPartition& id,
                                                              const PartitionRow& row) {
  const TableHandle table =
      TRY(transaction.open_table(partition_table_name(id), KeyOrder::Integer));
  auto partition = std::make_shared<Partition>(id, row.kind, table);
  const auto cursor = TRY(transaction.cursor(table));
  Offset log_end = row.end_when_empty;
  if (const auto last = TRY(cursor->last()))
    log_end = std::max(log_end, Offset{static_cast<int64_t>(IntegerKey::value_of(last->key))} + 1);
  partition->publish(row.log_start, log_end, row.leader_epoch);
  return partition;
}

// --- Published state

std::shared_ptr<const PartitionMap> LogCore::partitions() const {
  std::lock_guard lock(mutex_);
  return partitions_;
}

void LogCore::publish(const GroupTransaction& transaction) {
  for (const GroupTransaction::Moved& moved : transaction.moved())
    moved.partition->publish(moved.log_start, moved.log_end, moved.leader_epoch);
  if (!transaction.created().empty() || !transaction.dropped().empty())
    publish_partitions(transaction);
}

void LogCore::publish_partitions(const GroupTransaction& transaction) {
  auto changed = std::make_shared<PartitionMap>(*partitions());
  for (const auto& partition : transaction.created()) (*changed)[partition->id()] = partition;
  for (const auto& partition : transaction.dropped()) {
    partition->mark_dropped();
    changed->erase(partition->id());
  }
  {
    std::lock_guard lock(mutex_);
    partitions_ = std::move(changed);
    partitions_version_.fetch_add(1);
  }
  const uint64_t turn = turns_.next();
  for (const auto& partition : transaction.dropped()) retired_.push_back({partition, turn});
}

// --- The writer

void LogCore::run() {
  while (true) {
    RequestQueue::Gathered gathered = queue_.gather(options_.group_limit_bytes);
    // Before the sync, so that their requests gather during it.
    for (const auto& retry : gathered.waiters) retry();
    if (gathered.is_over) return;
    if (!gathered.group.empty()) write_group(gathered.group);
    remove_retired_tables();
  }
}

// All of the group in one commit. If that fails, each by itself: one that cannot be stored does not
// take the others with it.
void LogCore::write_group(std::span<LogWork> group) {
  std::vector<Answer> answers;
  const Outcome outcome = try_group(group, answers);
  if (outcome == Outcome::Unknown) return;  // nobody is told anything
  if (outcome == Outcome::NothingWritten && group.size() > 1) {
    for (LogWork& work : group) write_group({&work, 1});
    return;
  }
  for (const Answer& answer : answers) answer();
  if (outcome != Outcome::Written) return;
  trace(LogTrace::Step::Acknowledged);
  ++commit_number_;
}

LogCore::Answer LogCore::answer(LogWork& work, Error error) {
  if (auto* append = std::get_if<AppendWork>(&work))
    return [append, error = std::move(error)] { append->done(error); };
  if (auto* task = std::get_if<CommitWork>(&work)) return answer(*task, std::move(error));
  auto& other = std::get<OtherWork>(work);
  return [&other, error = std::move(error)] { other.done(error); };
}

LogCore::Answer LogCore::answer(CommitWork& work, Result<std::vector<AppendedBatch>> result) {
  return [this, &work, result = std::move(result)]() mutable {
    // Noted only now: in a group that is repeated the commit may pass.
    if (!result)
      refused_[work.commit.task] = work.commit.epoch;
    else if (!refused_.empty())
      refused_.erase(work.commit.task);
    work.done(std::move(result));
  };
}

LogCore::Outcome LogCore::try_group(std::span<LogWork> group, std::vector<Answer>& answers) {
  const auto give_up = [&](const Error& error) {
    answers.clear();
    for (LogWork& work : group) answers.push_back(answer(work, error));
    return Outcome::NothingWritten;
  };
  if (failed_) return give_up(refusal());
  auto begun = store_->begin_write();
  if (!begun) return give_up(begun.error());
  const auto partitions = this->partitions();
  GroupTransaction transaction(*std::move(begun), tables_, *partitions);

  trace(LogTrace::Step::CommitBegins);
  for (LogWork& work : group) {
    // The answer to a request that breaks the group holds its error.
    answers.push_back(apply(transaction, work));
    if (transaction.is_broken()) return Outcome::NothingWritten;
  }
  pass(CrashPoint::BeforeLogCommit);
  if (const Status committed = transaction.commit(); !committed) {
    if (committed.error().code == ErrorCode::DiskFull) return give_up(committed.error());
    fail(committed.error());
    return Outcome::Unknown;
  }
  trace(LogTrace::Step::Synced);
  publish(transaction);
  tell_durable(transaction);
  pass(CrashPoint::BeforeAcknowledgement);
  return Outcome::Written;
}

LogCore::Answer LogCore::apply(GroupTransaction& transaction, LogWork& work) {
  if (auto* append = std::get_if<AppendWork>(&work)) {
    return [append, result = transaction.append(append->request)]() mutable {
      append->done(std::move(result));
    };
  }
  if (auto* task = std::get_if<CommitWork>(&work)) {
    const TaskCommit& commit = task->commit;
    const auto refused = refused_.find(commit.task);
    auto result = refused != refused_.end() && refused->second == commit.epoch
                      ? Error{ErrorCode::FencedTask, "an earlier commit of the task was refused"}
                      : transaction.commit_task(task->commit);
    return answer(*task, std::move(result));
  }
  auto& other = std::get<OtherWork>(work);
  Status status = other.apply(transaction);
  if (!status) transaction.mark_broken();
  return [&other, status = std::move(status)] { other.done(status); };
}

void LogCore::tell_durable(const GroupTransaction& transaction) {
  if (!options_.on_durable) return;
  std::vector<TopicPartition> appended;
  for (const GroupTransaction::Moved& moved : transaction.moved())
    if (moved.has_new_records) appended.push_back(moved.partition->id());
  if (!appended.empty()) options_.on_durable(appended);
}

// The tables of dropped partitions were emptied when they were dropped; here their names and
// handles go.
void LogCore::remove_retired_tables() {
  if (retired_.empty() || failed_) return;
  std::vector<Retired> waiting;
  std::vector<std::shared_ptr<Partition>> unused;
  for (Retired& retired : retired_) {
    if (turns_.all_passed(retired.turn))
      unused.push_back(std::move(retired.partition));
    else
      waiting.push_back(std::move(retired));
  }
  retired_ = std::move(waiting);
  if (unused.empty()) return;

  auto transaction = store_->begin_write();
  if (!transaction) return;  // the next start removes them
  for (const auto& partition : unused) {
    const Status removed = (*transaction)->remove_table(partition->table());
    if (!removed) {
      log_warn("table of a dropped partition not removed error={}", removed.error().message);
      return;
    }
  }
  const Status committed = (*transaction)->commit();
  if (!committed && committed.error().code != ErrorCode::DiskFull) fail(committed.error());
}

void LogCore::fail(const Error& error) {
  failed_ = true;
  log_error("log stopped: outcome of a commit is unknown error={}", error.message);
  if (options_.on_failure) options_.on_failure(error);
}

Error LogCore::refusal() const {
  if (failed_)
    return {ErrorCode::StorageFailure, "the log takes no more writes after a failed one"};
  return {ErrorCode::ShuttingDown, "the server is shutting down"};
}

void LogCore::trace(LogTrace::Step step) const {
  if (options_.trace) options_.trace({step, commit_number_});
}

}  // namespace storage
