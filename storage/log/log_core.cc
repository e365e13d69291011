#include "storage/log/log_core.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <future>

#include "base/log.h"
#include "storage/kv/crash_point.h"
#include "storage/kv/damage.h"
#include "storage/log/batch_cursor.h"
#include "storage/log/task_journal.h"
#include "storage/log/transaction_index.h"

namespace storage {

namespace {

// While a single client appends without a pause, readers are notified once per kTellEveryUs, and at
// the latest kTellWithinUs after its last append.
constexpr int64_t kTellEveryUs = 1000, kTellWithinUs = 2000;
// If a group could not be deferred because it needed the store, this number of later groups is not
// deferred either: they will probably need the store, too.
constexpr size_t kGroupsUndeferred = 32;
// If a group has more bytes than this, its pages are written with its commit and not later.
constexpr size_t kMostBytesLater = 12 << 10;

// Returns whether the pages of the work may be written later. Commits with trims are not
// deferrable: they remove consumed records, and this removal reads the store.
bool is_deferrable(const LogWork& work) {
  if (const auto* task = std::get_if<CommitWork>(&work)) return task->commit.trims.empty();
  if (const auto* other = std::get_if<OtherWork>(&work)) return other->deferrable_bytes.has_value();
  return true;
}

}  // namespace

LogCore::LogCore(std::unique_ptr<KeyValueStore> store, LogOptions options)
    : store_(std::move(store)),
      deferred_writes_(dynamic_cast<DeferredWrites*>(store_.get())),
      options_(std::move(options)),
      clock_(options_.clock != nullptr ? *options_.clock : system_clock_),
      queue_(options_.queue_limit_bytes, options_.task_wait_us),
      // A store with a small map keeps a smaller reserve.
      space_(*store_, clock_, std::min(options_.reserve_bytes, options_.map_size_bytes / 4)) {}

LogCore::~LogCore() { close(); }

void LogCore::close() {
  queue_.close();
  if (writer_.joinable()) writer_.join();
  if (options_.writer == LogOptions::Writer::Owner)
    while (write_next())
      ;
  commit_waiters_.fail_all(refusal());
}

void LogCore::submit(std::function<Status(GroupTransaction&)> apply,
                     std::function<void(Status)> done, size_t weight_bytes) {
  submit(OtherWork{std::move(apply), std::move(done)}, weight_bytes);
}

void LogCore::submit(OtherWork other, size_t weight_bytes) {
  LogWork work = std::move(other);
  if (!queue_.put_unbounded(work, weight_bytes)) std::get<OtherWork>(work).done(refusal());
}

Result<std::unique_ptr<LogCore>> LogCore::open(std::unique_ptr<KeyValueStore> store,
                                               LogOptions options) {
  std::unique_ptr<LogCore> core(new LogCore(std::move(store), std::move(options)));
  TRY(core->recover());
  if (core->options_.writer == LogOptions::Writer::OwnThread)
    core->writer_ = std::thread([&writing = *core] {
      while (writing.take_turn(writing.patience()) != Turn::Over)
        ;
    });
  TRY(core->open_journals());
  return core;
}

// --- Recovery

// If a page of a partition's table cannot be read, the start still continues: the partition is
// marked as damaged, and the other partitions are read again without this table.
Status LogCore::recover() {
  while (true) {
    const size_t known = damaged_.size();
    Status recovered = try_recover();
    if (recovered || damaged_.size() == known) return recovered;
  }
}

Status LogCore::try_recover() {
  const auto transaction = TRY(store_->begin_write());
  tables_ = TRY(open_log_tables(*transaction));

  std::vector<std::pair<TopicPartition, PartitionRow>> rows;
  const auto cursor = TRY(transaction->cursor(tables_.partitions));
  for (auto entry = TRY(cursor->first()); entry; entry = TRY(cursor->next())) {
    const auto id = partition_of_key(entry->key);
    if (!id) return damaged_data("the data file has a damaged partition");
    rows.emplace_back(*id, TRY(decode_partition_row(entry->value)));
  }

  std::vector<std::shared_ptr<Partition>> partitions;
  for (const auto& [id, row] : rows)
    partitions.push_back(TRY(recover_partition(*transaction, id, row)));
  for (const auto& [id, why] : damaged_)
    log_error("a partition is damaged topic-id={} partition={} error=\"{}\"", id.topic.to_string(),
              id.partition.value(), why.message);
  TRY(recover_transactions(*transaction, partitions));
  removals_.emplace(tables_.removals, clock_, options_.removal_budget);
  producers_.emplace(tables_.producers,
                     ProducerSweep::Limits{options_.producer_expiration_ms, options_.max_producers,
                                           options_.forgets_foreign_tasks},
                     task_producers_);
  TRY(recover_tasks(*transaction));
  TRY(removals_->recover(*transaction));
  pending_removals_ = removals_->size();
  TRY(transaction->commit());
  partitions_ = PartitionMap().with(partitions, {});
  return {};
}

// Reads the first undecided offset of the partitions that have transactions.
Status LogCore::recover_transactions(WriteTransaction& transaction,
                                     std::span<const std::shared_ptr<Partition>> partitions) {
  const auto numbers = TRY(partitions_with_transactions(transaction, tables_));
  if (numbers.empty()) return {};
  const absl::flat_hash_set<LogNumber> with_transactions(numbers.begin(), numbers.end());
  for (const auto& partition : partitions) {
    if (!with_transactions.contains(partition->number())) continue;
    partition->note_transactions();
    PartitionState state = partition->state();
    const Offset high_watermark =
        state.role == ReplicaRole::Alone ? Offset{INT64_MAX} : state.high_watermark;
    state.first_undecided =
        TRY(first_undecided(transaction, tables_, partition->number(), high_watermark))
            .value_or(Offset{INT64_MAX});
    partition->publish(state);
  }
  return {};
}

Status LogCore::recover_tasks(WriteTransaction& transaction) {
  const auto tasks = TRY(transaction.cursor(tables_.tasks));
  // A row that is too short is skipped here. Only the start of its own query fails.
  for (auto entry = TRY(tasks->first()); entry; entry = TRY(tasks->next()))
    if (const auto producer = decode_task_producer(entry->value)) task_producers_.insert(*producer);
  return {};
}

// Creates the partitions of the journal, which must exist before tasks begin. Makes this server
// their leader, under an epoch that no earlier process had.
Status LogCore::open_journals() {
  const auto submit_and_wait = [this](std::function<Status(GroupTransaction&)> apply) {
    std::promise<Status> done;
    submit(std::move(apply), [&](Status status) { done.set_value(std::move(status)); });
    if (options_.writer == LogOptions::Writer::Owner) write_next();
    return done.get_future().get();
  };
  const auto lead = [](GroupTransaction& group) -> Status {
    TRY(group.create_partitions(kTaskJournal, kJournalPartitions, PartitionKind::Internal));
    return group.raise_journal_epochs();
  };
  TRY(submit_and_wait(lead));
  bool is_converted = false;
  const auto convert = [&](GroupTransaction& group) -> Status {
    is_converted = TRY(group.convert_journals());
    return {};
  };
  while (!is_converted) TRY(submit_and_wait(convert));
  return {};
}

Result<std::shared_ptr<Partition>> LogCore::recover_partition(WriteTransaction& transaction,
                                                              const TopicPartition& id,
                                                              const PartitionRow& row) {
  if (const auto found = damaged_.find(id); found != damaged_.end()) {
    auto partition = std::make_shared<Partition>(id, row, TableHandle{}, found->second);
    const Offset log_end = std::max(row.log_start, row.end_when_empty);
    partition->publish({row.log_start, log_end, row.leader_epoch, row.role, row.high_watermark,
                        row.cleaned_end, row.gaps_end});
    partition->opened(clock_.wall_ms());
    return partition;
  }
  auto partition = read_partition(transaction, id, row);
  if (!partition && partition.error().code == ErrorCode::DataCorrupted &&
      row.kind == PartitionKind::Client) {
    Error why = partition.error();
    why.message =
        fmt::format("partition {} of the topic is damaged: {}", id.partition.value(), why.message);
    damaged_.emplace(id, std::move(why));
  }
  return partition;
}

Result<std::shared_ptr<Partition>> LogCore::read_partition(WriteTransaction& transaction,
                                                           const TopicPartition& id,
                                                           const PartitionRow& row) {
  const TableHandle table =
      row.kind == PartitionKind::Client
          ? TRY(transaction.open_table(partition_table_name(id, row.number, row.naming),
                                       KeyOrder::Integer))
          : tables_.exchanges;
  auto partition = std::make_shared<Partition>(id, row, table);
  auto cursor = TRY(BatchCursor::open(transaction, *partition));
  Offset log_end = row.end_when_empty;
  if (const auto last = TRY(cursor.last())) log_end = std::max(log_end, last->last_offset + 1);
  if (row.log_start > log_end)
    return damaged_data(fmt::format("it begins at offset {} and ends at {}", row.log_start.value(),
                                    log_end.value()));
  // Earlier versions did not lower cleaned_end and gaps_end when they truncated the log.
  partition->publish({row.log_start, log_end, row.leader_epoch, row.role, row.high_watermark,
                      std::min(row.cleaned_end, log_end), std::min(row.gaps_end, log_end)});
  partition->opened(clock_.wall_ms());
  return partition;
}

// --- Published state

std::shared_ptr<const PartitionMap> LogCore::partitions() const {
  std::lock_guard lock(mutex_);
  return partitions_;
}

std::shared_ptr<Partition> LogCore::find_partition(const TopicPartition& id) const {
  const auto partitions = this->partitions();
  const auto* found = partitions->find(id);
  return found == nullptr ? nullptr : *found;
}

void LogCore::publish(GroupTransaction& transaction) {
  for (auto& [task, owner] : transaction.owners())
    owner ? void(owners_.insert_or_assign(task, *owner)) : void(owners_.erase(task));
  for (const auto& [producer, is_alive] : transaction.task_producers())
    is_alive == GroupTransaction::IsAlive::Yes ? void(task_producers_.insert(producer))
                                               : void(task_producers_.erase(producer));
  group_has_replicas_ = false;
  for (GroupTransaction::Moved& moved : transaction.moved()) {
    assert(moved.state.log_start <= moved.state.log_end);
    assert(moved.is_cut || moved.state.log_end >= moved.partition->log_end());
    // set before the log end is published, see last_append_ms()
    moved.partition->set_time_mark(moved.time_mark);
    if (moved.is_cut || moved.is_cleaned) recent_.forget(moved.partition->id());
    if (!moved.recent.empty())
      recent_.add(moved.partition->id(), moved.recent_from, moved.state.log_end,
                  std::move(moved.recent));
    if (moved.is_truncated) moved.partition->note_truncation();
    moved.partition->publish(moved.state);
    group_has_replicas_ |= moved.state.role != ReplicaRole::Alone;
  }
  if (!transaction.created().empty() || !transaction.dropped().empty())
    publish_partitions(transaction);
  if (transaction.removals().empty()) return;
  // The number is taken after the map is published. So a reader whose snapshot begins under this
  // number or a later one cannot find the removed tables.
  const uint64_t epoch = epochs_.next();
  for (const Removal& removal : transaction.removals()) removals_->add(removal, epoch);
  pending_removals_ = removals_->size();
}

// Answers appends of earlier groups that wait to become visible. This group has either made them
// visible or made it impossible.
void LogCore::tell_waiters(const GroupTransaction& transaction) {
  for (const GroupTransaction::Moved& moved : transaction.moved())
    if (moved.is_cut && moved.state.role == ReplicaRole::Follower)
      commit_waiters_.fail(
          moved.partition->id(),
          {ErrorCode::NotLeader, "another node is now the leader of the partition"});
    else if (moved.is_cut)
      commit_waiters_.moved(*moved.partition);
  for (const auto& partition : transaction.dropped())
    commit_waiters_.fail(partition->id(), {ErrorCode::UnknownTopic, "the topic was deleted"});
}

bool LogCore::advance_high_watermark(const TopicPartition& id, LeaderEpoch epoch, Offset offset) {
  const auto partition = find_partition(id);
  if (!partition || !partition->advance_high_watermark(epoch, offset)) return false;
  commit_waiters_.moved(*partition);
  if (options_.on_durable) options_.on_durable({&id, 1});
  return true;
}

void LogCore::publish_partitions(const GroupTransaction& transaction) {
  auto changed = partitions()->with(transaction.created(), transaction.dropped());
  for (const auto& partition : transaction.dropped()) {
    partition->mark_dropped();
    recent_.forget(partition->id());
  }
  {
    std::lock_guard lock(mutex_);
    partitions_ = std::move(changed);
    partitions_version_.fetch_add(1);
  }
}

// --- The writer

LogCore::Turn LogCore::take_turn(RequestQueue::Patience patience) {
  RequestQueue::Gathered gathered = queue_.gather(options_.group_limit_bytes, patience);
  // Callers that wait for space in the queue are called before the sync. Their next requests can
  // then arrive during the sync.
  for (const auto& retry : gathered.waiters) retry();
  if (gathered.is_over) return Turn::Over;
  if (!gathered.group.empty()) {
    const bool may_wait = size_of(gathered.group) <= kMostBytesLater;
    write_group(gathered.group, may_wait ? Pages::Later : Pages::Now);
    // The file grows only after the answers, so that no request waits for the growth.
    store_->prepare_growth();
  }
  pages_ = Pages::Now;
  if (!untold_.empty()) options_.telling([&] { tell_grown({}); });
  notify_writable();
  remove_a_slice();
  sweep_producers();
  return gathered.group.empty() ? Turn::Idle : Turn::Wrote;
}

RequestQueue::Admission LogCore::try_put_alone(AppendRequest& request, AppendDone& done) {
  const size_t size_bytes = size_of(request);
  LogWork work = AppendWork{std::move(request), std::move(done)};
  return after_put<AppendWork>(queue_.put_alone(work, size_bytes), work, request, done);
}

// Writes one group on a client's thread. Maintenance may take longer than the group, so it is left
// to the writer's thread.
void LogCore::write_alone() {
  std::vector<LogWork> group = queue_.gather_alone(options_.group_limit_bytes);
  if (group.empty()) return;
  write_group(group, Pages::Later);
  store_->prepare_growth();
  if (space_.is_full() || removals_->size() > 0) queue_.nudge();
  queue_.end_alone(untold_.empty() ? INT64_MAX : told_us_ + kTellWithinUs);
}

bool LogCore::write_next() {
  assert(options_.writer == LogOptions::Writer::Owner);
  return take_turn(std::chrono::milliseconds(0)) == Turn::Wrote;
}

// Writes the whole group in one commit. If that fails, writes it in parts, so that a request that cannot be stored does
// not make the other requests fail. The parts keep the order of the group, because a producer's batches and a task's
// commits depend on it.
void LogCore::write_group(std::span<LogWork> group, Pages pages) {
  pages_ = pages;
  // The number of attempts is enough to find two failing requests by halving the group. It is limited because on a full
  // disk every attempt fails and takes time.
  int attempts_left = 4 * static_cast<int>(std::bit_width(group.size())) + 4;
  write_part(group, attempts_left);
}

// Writes a part of the group. Returns false if the log can accept no further writes.
bool LogCore::write_part(std::span<LogWork> part, int& attempts_left) {
  if (part.empty()) return true;
  Attempt attempt = try_commit(part);
  --attempts_left;
  if (attempt.outcome == Attempt::Outcome::Unknown) return false;  // no request is answered
  if (attempt.outcome == Attempt::Outcome::Written) {
    count_commit();
    options_.telling([&] {
      tell_grown(attempt.grown);
      pass(CrashPoint::BeforeAcknowledgement);
      for (const Answer& answer : attempt.answers) answer();
    });
    trace(LogTrace::Step::Acknowledged, attempt.commit);
    return true;
  }
  if (part.size() == 1 || attempts_left <= 0 || failed_) {
    refuse(part, attempt.error);
    return true;
  }
  if (attempt.culprit) {
    const size_t at = *attempt.culprit;
    return write_part(part.first(at), attempts_left) &&
           write_part(part.subspan(at, 1), attempts_left) &&
           write_part(part.subspan(at + 1), attempts_left);
  }
  const size_t half = part.size() / 2;
  return write_part(part.first(half), attempts_left) &&
         write_part(part.subspan(half), attempts_left);
}

void LogCore::refuse(std::span<LogWork> group, const Error& error) {
  for (LogWork& work : group) answer(work, error)();
}

LogCore::Answer LogCore::answer(LogWork& work, Error error) {
  if (auto* append = std::get_if<AppendWork>(&work))
    return [append, error = std::move(error)] { append->done(error); };
  if (auto* follow = std::get_if<FollowWork>(&work))
    return [follow, error = std::move(error)] { follow->done(error); };
  if (auto* task = std::get_if<CommitWork>(&work)) return answer(*task, std::move(error));
  auto& other = std::get<OtherWork>(work);
  return [&other, error = std::move(error)] { other.done(error); };
}

LogCore::Answer LogCore::answer(AppendWork& work, Result<Appended> result) {
  return [this, &work, result = std::move(result)]() mutable {
    if (result && work.request.acks == Acks::All && group_has_replicas_)
      commit_waiters_.wait(*partitions(), *std::move(result), std::move(work.done));
    else
      work.done(std::move(result));
  };
}

LogCore::Answer LogCore::answer(CommitWork& work, Result<Appended> result) {
  return [this, &work, result = std::move(result)]() mutable {
    // The refusal is recorded here, together with the answer, and not in apply(): apply() may run
    // again for the same group, and may then succeed.
    if (!result)
      refused_[work.commit.task] = work.commit.epoch;
    else if (!refused_.empty())
      refused_.erase(work.commit.task);
    work.done(std::move(result));
  };
}

LogCore::Attempt LogCore::try_commit(std::span<LogWork> group) {
  using Outcome = Attempt::Outcome;
  if (failed_) return {Outcome::NothingWritten, {}, refusal()};
  if (auto deferred = try_deferred(group)) return *std::move(deferred);
  auto begun = store_->begin_write();
  if (begun) return try_commit(*std::move(begun), group);
  if (!deferred_writes_ || !deferred_writes_->are_lost())
    return {Outcome::NothingWritten, {}, std::move(begun).error()};
  fail(begun.error());
  return {Outcome::Unknown, {}};
}

std::optional<LogCore::Attempt> LogCore::try_deferred(std::span<LogWork> group) {
  if (pages_ == Pages::Now || !deferred_writes_ || !std::ranges::all_of(group, is_deferrable))
    return std::nullopt;
  if (undeferred_left_ > 0 && undeferred_left_-- > 0) return std::nullopt;
  auto begun = deferred_writes_->begin_deferred();
  if (!begun) return std::nullopt;
  Attempt attempt = try_commit(std::move(begun), group);
  if (attempt.outcome != Attempt::Outcome::NothingWritten) return attempt;
  undeferred_left_ = kGroupsUndeferred;
  return std::nullopt;
}

LogCore::Attempt LogCore::try_commit(std::unique_ptr<WriteTransaction> begun,
                                     std::span<LogWork> group) {
  using Outcome = Attempt::Outcome;
  const auto partitions = this->partitions();
  GroupTransaction transaction(
      std::move(begun), {tables_, *partitions, owners_, free_tables(*partitions), clock_.wall_ms(),
                         guards_, size_of(group) <= kMostBytesLater});

  const CommitId commit = transaction.commit_id();
  trace(LogTrace::Step::CommitBegins, commit);
  space_.begin_group(size_of(group));
  std::vector<Answer> answers;
  for (LogWork& work : group) {
    Error error;
    answers.push_back(apply(transaction, work, error));
    if (transaction.is_broken())
      return {Outcome::NothingWritten, {}, std::move(error), answers.size() - 1};
  }
  pass(CrashPoint::BeforeLogCommit);
  if (const Status committed = transaction.commit(); !committed) {
    if (transaction.is_broken()) return {Outcome::NothingWritten, {}, committed.error()};
    const bool is_full = committed.error().code == ErrorCode::DiskFull;
    if (!is_full && committed.error().code != ErrorCode::DataCorrupted) {
      fail(committed.error());
      return {Outcome::Unknown, {}};
    }
    if (is_full) space_.commit_failed(committed.error());
    return {Outcome::NothingWritten, {}, committed.error()};
  }
  trace(LogTrace::Step::Synced, commit);
  publish(transaction);
  tell_waiters(transaction);
  return {.outcome = Outcome::Written,
          .answers = std::move(answers),
          .commit = commit,
          .grown = grown_in(transaction)};
}

// Applies a request to the transaction. Returns the function that answers the request once the
// group is durable. If the request is refused, sets `error`.
LogCore::Answer LogCore::apply(GroupTransaction& transaction, LogWork& work, Error& error) {
  if (auto* append = std::get_if<AppendWork>(&work)) {
    Result<Appended> result = apply_append(transaction, append->request);
    if (!result) error = result.error();
    return answer(*append, std::move(result));
  }
  if (auto* follow = std::get_if<FollowWork>(&work)) {
    Result<Appended> result = apply_follow(transaction, follow->request);
    if (!result) error = result.error();
    return [follow, result = std::move(result)]() mutable { follow->done(std::move(result)); };
  }
  if (auto* task = std::get_if<CommitWork>(&work)) {
    Result<Appended> result = apply_commit(transaction, task->commit);
    if (!result) error = result.error();
    return answer(*task, std::move(result));
  }
  auto& other = std::get<OtherWork>(work);
  Status status = other.apply(transaction);
  if (!status) error = status.error();
  return [this, &other, status = std::move(status), renewed = transaction.take_renewed_tasks()] {
    // The task may have been dropped and created again with the same first epoch. So the recorded
    // refusal of that epoch is removed.
    for (const std::string& task : renewed) refused_.erase(task);
    other.done(status);
  };
}

Result<Appended> LogCore::apply_append(GroupTransaction& transaction, AppendRequest& request) {
  TRY(space_.admit_client_append(size_of(request)));
  return Appended{transaction.commit_id(), TRY(transaction.append(request))};
}

Result<Appended> LogCore::apply_follow(GroupTransaction& transaction,
                                       const FollowRequest& request) {
  TRY(space_.admit_client_append(size_of(request)));
  return Appended{transaction.commit_id(), TRY(transaction.follow(request))};
}

Result<Appended> LogCore::apply_commit(GroupTransaction& transaction, TaskCommit& commit) {
  if (const auto refused = refused_.find(commit.task);
      refused != refused_.end() && refused->second == commit.epoch)
    return Error{ErrorCode::FencedTask, "an earlier commit of the task was refused"};
  TRY(space_.admit_task_commit(size_of(commit)));
  return Appended{transaction.commit_id(),
                  TRY(transaction.commit_tasks({&commit, 1}, GroupTransaction::Decided::Here))};
}

std::vector<TopicPartition> LogCore::grown_in(const GroupTransaction& transaction) {
  std::vector<TopicPartition> grown;
  for (const GroupTransaction::Moved& moved : transaction.moved())
    if (moved.has_new_records) grown.push_back(moved.partition->id());
  // Readers that wait for new records of a dropped partition are notified, too.
  for (const auto& dropped : transaction.dropped()) grown.push_back(dropped->id());
  return grown;
}

// Notifies the readers of partitions with new records. A notified reader reads the store, which
// forces the pages of deferred groups to be written. So while a single client appends, readers are
// notified only once for several groups. Groups with replicated partitions are an exception: their
// records become visible only after the followers have copied them.
void LogCore::tell_grown(std::span<const TopicPartition> grown) {
  for (const TopicPartition& partition : grown)
    if (std::ranges::find(untold_, partition) == untold_.end()) untold_.push_back(partition);
  if (untold_.empty()) return;
  const int64_t now_us = RequestQueue::now_us();
  if (pages_ == Pages::Later && !group_has_replicas_ && now_us < told_us_ + kTellEveryUs) return;
  told_us_ = now_us;
  if (options_.on_durable) options_.on_durable(untold_);
  untold_.clear();
}

void LogCore::count_commit() {
  std::lock_guard lock(mutex_);
  ++commits_;
  commit_rate_.add(1, clock_.monotonic_us());
}

LogStatistics LogCore::statistics() const {
  const RequestQueue::Backlog backlog = queue_.backlog();
  std::lock_guard lock(mutex_);
  const size_t topic_partitions = partitions_->count(PartitionKind::Client);
  return {topic_partitions + partitions_->count(PartitionKind::Internal),
          topic_partitions,
          options_.max_partitions,
          commits_,
          commit_rate_.per_second(clock_.monotonic_us()),
          backlog.requests,
          backlog.bytes,
          pending_removals_,
          space_.reserve_bytes(),
          space_.is_full()};
}

void LogCore::fail(const Error& error) {
  failed_ = true;
  log_error("log stopped: outcome of a commit is unknown error={}", error.message);
  if (options_.on_failure) options_.on_failure(error);
}

Error LogCore::refusal() const {
  if (failed_) return {ErrorCode::StorageFailure, "the log accepts no writes after a failed one"};
  return {ErrorCode::ShuttingDown, "the server is shutting down"};
}

void LogCore::trace(LogTrace::Step step, CommitId commit) const {
  if (options_.trace) options_.trace({step, commit});
}

}  // namespace storage
