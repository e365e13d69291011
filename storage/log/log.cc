#include "storage/log/log.h"

#include <future>
#include <map>

#include "records/batch.h"
#include "records/batch_filter.h"
#include "storage/kv/damage.h"
#include "storage/kv/lmdb_store.h"
#include "storage/log/log_core.h"
#include "storage/log/log_format.h"
#include "storage/log/log_statistics.h"
#include "storage/log/stored_keys.h"
#include "storage/log/task_journal.h"
#include "storage/log/task_outputs.h"

namespace storage {

namespace {

// Number of tables of the log itself and of the modules that share its store.
constexpr size_t kOtherTables = 64;

// Weight that a small write of another module, which shares the store, has in a commit group's size
// limit.
constexpr size_t kSubmittedWeight = 4 << 10;

// Submits the request repeatedly until `is_done` returns true. Each run is in another commit group,
// so that other requests are served between the runs.
void repeat_until(LogCore& core, std::function<Status(GroupTransaction&)> apply,
                  std::function<bool(const PartitionMap&)> is_done,
                  std::function<void(Status)> done) {
  // The writer publishes the new partitions before it answers, so is_done() sees the result of this
  // run.
  auto next = [&core, apply, is_done, done = std::move(done)](Status status) mutable {
    if (!status || is_done(*core.partitions())) return done(std::move(status));
    repeat_until(core, std::move(apply), std::move(is_done), std::move(done));
  };
  core.submit(std::move(apply), std::move(next));
}

// Submits a request that has a result. If its commit group is repeated, `apply` runs again and
// overwrites the result.
template <class T, class Apply>
void submit_with_result(LogCore& core, Apply apply, std::function<void(Result<T>)> done) {
  const auto result = std::make_shared<T>();  // shared by `apply` and `done`
  core.submit(
      [apply = std::move(apply), result](GroupTransaction& group) -> Status {
        *result = TRY(apply(group));
        return {};
      },
      [result, done = std::move(done)](Status status) {
        done(status ? Result<T>(*result) : Result<T>(std::move(status).error()));
      });
}

}  // namespace

Log::Log(std::unique_ptr<LogCore> core) : core_(std::move(core)) {}
Log::~Log() = default;
bool Log::write_next() { return core_->write_next(); }
void Log::close() { core_->close(); }

Result<std::unique_ptr<Log>> Log::open(const std::string& directory, LogOptions options) {
  auto store = TRY(open_lmdb_store(
      directory, {.kind = "log",
                  .format_version = kNewestLogFormat,
                  .oldest_format_version = kOldestLogFormat,
                  .map_size_bytes = options.map_size_bytes,
                  .max_tables = static_cast<uint32_t>(options.max_partitions + kOtherTables),
                  .max_readers = options.max_readers,
                  .has_commit_journal = true}));
  auto log = open(std::move(store), std::move(options));
  if (!log) return not_opened(std::move(log).error(), directory + "/log.mdb");
  return log;
}

Result<std::unique_ptr<Log>> Log::open(std::unique_ptr<KeyValueStore> store, LogOptions options) {
  auto core = TRY(LogCore::open(std::move(store), std::move(options)));
  return std::unique_ptr<Log>(
      new Log(std::move(core)));  // two statements, since a TRY within `new` would leak
}

bool Log::try_append(AppendRequest& request, AppendDone& done) {
  return core_->try_put<AppendWork>(RequestQueue::Lane::Clients, size_of(request), request, done);
}

bool Log::try_commit(TaskCommit& commit, AppendDone& done) {
  return core_->try_put<CommitWork>(RequestQueue::Lane::Tasks, size_of(commit), commit, done);
}

void Log::hurry() { core_->queue().hurry(); }

void Log::when_room(std::function<void()> retry) { core_->queue().when_room(std::move(retry)); }
void Log::when_writable(std::function<void()> retry) { core_->when_writable(std::move(retry)); }

void Log::create_partitions(Uuid topic, int32_t count, std::function<void(Status)> done,
                            PartitionKind kind) {
  repeat_until(
      *core_, [=](GroupTransaction& group) { return group.create_partitions(topic, count, kind); },
      [=](const PartitionMap& now) {
        return now.find({topic, PartitionId(count - 1)}) != nullptr;
      },
      std::move(done));
}

void Log::drop_topic(Uuid topic, std::function<void(Status)> done) {
  repeat_until(
      *core_, [=](GroupTransaction& group) { return group.drop_topic(topic); },
      [=](const PartitionMap& now) {
        return now.find({topic, PartitionId(0)}) == nullptr;
      },
      std::move(done));
}

size_t Log::pending_removals() const { return core_->pending_removals(); }

std::shared_ptr<const PartitionStatus> Log::find_partition(const TopicPartition& partition) const {
  return core_->find_partition(partition);
}

std::shared_ptr<TransactionGuard> Log::guard_transaction(const TopicPartition& partition,
                                                         ProducerId producer) {
  return core_->guards().take(partition, producer);
}

std::vector<TopicPartition> Log::partitions() const {
  std::vector<TopicPartition> all;
  core_->partitions()->for_each([&](const auto& partition) {
    if (partition->id().topic != kTaskJournal) all.push_back(partition->id());
  });
  return all;
}

LogStatistics statistics_of(Log& log) { return log.core().statistics(); }

std::vector<StoredTopic> Log::topics() const {
  std::map<Uuid, StoredTopic> topics;
  core_->partitions()->for_each([&](const auto& partition) {
    const Uuid& id = partition->id().topic;
    if (id == kTaskJournal) return;
    ++topics.try_emplace(id, StoredTopic{id, partition->kind(), 0}).first->second.partition_count;
  });
  std::vector<StoredTopic> all;
  all.reserve(topics.size());
  for (const auto& [id, topic] : topics) all.push_back(topic);
  return all;
}

void Log::begin_tasks(std::vector<std::string> tasks,
                      std::function<void(Result<TaskStarts>)> done) {
  submit_with_result<TaskStarts>(
      *core_,
      [tasks = std::move(tasks)](GroupTransaction& group) { return group.begin_tasks(tasks); },
      std::move(done));
}

Result<std::vector<Log::StoredTask>> Log::tasks() const {
  const auto transaction = TRY(core_->store().begin_read());
  const auto cursor = TRY(transaction->cursor(core_->tables().tasks));
  std::vector<StoredTask> tasks;
  for (auto entry = TRY(cursor->first()); entry; entry = TRY(cursor->next())) {
    Result<TaskRow> row = decode_task_row(entry->key, entry->value);
    if (row)
      tasks.push_back({std::string(entry->key), row->journal, row->first_entry});
    else
      tasks.push_back(
          {std::string(entry->key), journal_of(entry->key), Offset{0}, std::move(row).error()});
  }
  return tasks;
}

void Log::allocate_producer_ids(int32_t count, std::function<void(Result<ProducerId>)> done) {
  submit_with_result<ProducerId>(
      *core_, [count](GroupTransaction& group) { return group.allocate_producer_ids(count); },
      std::move(done));
}

void Log::trim(PartitionTrim trim, std::function<void(Status)> done) {
  core_->submit([trim](GroupTransaction& group) { return group.trim(trim); }, std::move(done));
}

void Log::drop_tasks(std::string prefix, std::function<void(Status)> done) {
  core_->submit(
      [prefix = std::move(prefix)](GroupTransaction& group) { return group.drop_tasks(prefix); },
      std::move(done));
}

void Log::submit(std::function<Status(WriteTransaction&)> apply, std::function<void(Status)> done) {
  core_->submit(
      [apply = std::move(apply)](GroupTransaction& group) { return apply(group.transaction()); },
      std::move(done), kSubmittedWeight);
}

KeyValueStore& Log::store() { return core_->store(); }

Status check_header_for_append(const records::BatchHeader& header) {
  if (header.record_count == 0) return Error{ErrorCode::CorruptRecord, "record batch is empty"};
  if (header.is_control())
    return Error{ErrorCode::CorruptRecord, "clients cannot write control batches"};
  if (records::has_delete_horizon(header))
    return Error{ErrorCode::CorruptRecord, "clients cannot set the delete horizon"};
  const bool has_producer = header.producer_id != records::kNoProducer;
  if (has_producer && (header.producer_id < ProducerId{0} || header.producer_epoch < 0))
    return Error{ErrorCode::CorruptRecord, "record batch has a negative producer id or epoch"};
  if (has_producer && header.base_sequence < 0)
    return Error{ErrorCode::CorruptRecord, "batch of an idempotent producer has no sequence"};
  if (header.is_transactional() && !has_producer)
    return Error{ErrorCode::CorruptRecord, "batch of a transaction has no producer"};
  if (is_task_producer(header.producer_id))
    return Error{ErrorCode::CorruptRecord, "the producer id belongs to a query"};
  return {};
}

Status check_for_append(const records::BatchView& batch) {
  TRY(check_header_for_append(batch.header));
  TRY(records::check_records(batch));
  return {};
}

Status check_for_follow(std::string_view batches) {
  while (!batches.empty()) {
    const records::BatchView batch =
        TRY(records::parse_batch(batches, records::BatchCheck::ShapeAndCrc));
    batches.remove_prefix(batch.header.size_bytes);
  }
  return {};
}

Status check_for_append(std::string_view batches) {
  if (batches.empty()) return Error{ErrorCode::CorruptRecord, "the request has no record batch"};
  while (!batches.empty()) {
    const records::BatchView batch =
        TRY(records::parse_batch(batches, records::BatchCheck::ShapeAndCrc));
    TRY(check_for_append(batch));
    batches.remove_prefix(batch.header.size_bytes);
  }
  return {};
}

// --- Waiting for the answer

namespace {

// Calls `submit(done)` and waits for done's argument.
template <class T, class Submit>
T wait_for(const Submit& submit) {
  std::promise<T> promise;
  auto answer = promise.get_future();
  submit([&promise](T result) { promise.set_value(std::move(result)); });
  return answer.get();
}

// Retries until the queue has space.
template <class Try>
Result<std::vector<AppendedBatch>> submit_and_wait(Log& log, const Try& try_submit) {
  return TRY(wait_for<Result<Appended>>([&](AppendDone done) {
           while (!try_submit(done)) {
             std::promise<void> room;
             log.when_room([&room] { room.set_value(); });
             room.get_future().wait();
           }
         }))
      .batches;
}

}  // namespace

Result<std::vector<AppendedBatch>> append_and_wait(Log& log, AppendRequest request) {
  return submit_and_wait(log, [&](AppendDone& done) { return log.try_append(request, done); });
}
Result<std::vector<AppendedBatch>> commit_and_wait(Log& log, TaskCommit commit) {
  return submit_and_wait(log, [&](AppendDone& done) { return log.try_commit(commit, done); });
}
Result<TaskStart> begin_task_and_wait(Log& log, std::string task) {
  return TRY(begin_tasks_and_wait(log, {std::move(task)})).front();
}
Result<TaskStarts> begin_tasks_and_wait(Log& log, std::vector<std::string> tasks) {
  return wait_for<Result<TaskStarts>>(
      [&](auto done) { log.begin_tasks(std::move(tasks), std::move(done)); });
}
Status trim_and_wait(Log& log, PartitionTrim trim) {
  return wait_for<Status>([&](auto done) { log.trim(trim, std::move(done)); });
}
Status create_partitions_and_wait(Log& log, Uuid topic, int32_t count, PartitionKind kind) {
  return wait_for<Status>(
      [&](auto done) { log.create_partitions(topic, count, std::move(done), kind); });
}

}  // namespace storage
