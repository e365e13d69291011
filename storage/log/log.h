// The partitioned log: record batches by topic partition, the journals of tasks, and other data
// that must be durable together with them, in one store with one writer thread and group commit.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "storage/kv/kv.h"
#include "storage/log/partition_status.h"
#include "storage/log/requests.h"

namespace storage {

class LogCore;

// A topic as stored in the log.
struct StoredTopic {
  Uuid id;
  PartitionKind kind;
  int32_t partition_count;
  bool operator==(const StoredTopic&) const = default;
};

// A step of a group commit, for tests and tracing. The trace function is called on the writer's
// thread, in the order of the steps.
struct LogTrace {
  enum class Step { CommitBegins, Synced, Acknowledged };  // Acknowledged: all are answered
  Step step;
  CommitId commit;  // the commit's id, or the id that a failed commit would have had
};

struct LogOptions {
  size_t map_size_bytes = 1ULL << 40;
  // The most client partitions, each of which has its own table (lmdb_store.h explains the cost). A
  // creation beyond the limit fails with LimitExceeded before anything is written.
  size_t max_partitions = 32'000;
  // limit for the snapshots that exist at the same time, such as those of LogReaders
  uint32_t max_readers = 512;
  // Client appends fail with DiskFull while less space than this is free. Task commits fail while
  // less than half of it is free. The reserve stays available for drops, trims and small commits,
  // so that an operator can free space on a full disk. With 0, appends are always tried.
  uint64_t reserve_bytes = 64 << 20;
  // Limits of one slice of work when the writer removes dropped or trimmed data. It does one slice between two group
  // commits, and clients wait meanwhile.
  struct RemovalBudget {
    int64_t time_us = 2'000;
    // The bytes are limited because of LMDB's list of free pages. The numbers of all pages that one
    // commit frees form a single entry of this list, and later commits read and write that entry as
    // a whole.
    size_t size_bytes = 4 << 20;
  };
  RemovalBudget removal_budget = {};
  // The state of an idempotent producer expires this long after its last append to the partition,
  // like Kafka's producer.id.expiration.ms. If a partition has more than max_producers, the states
  // with the oldest appends are removed, too.
  int64_t producer_expiration_ms = 86'400'000;
  size_t max_producers = 20'000;
  // Whether the producer states of tasks that do not run on this node may expire. False in a
  // cluster, where tasks of other nodes write to this log. If the state of such a task were
  // removed, the log would refuse the task's next batch, because earlier batches would seem to be
  // missing.
  bool forgets_foreign_tasks = true;
  const Clock* clock = nullptr;  // outlives the log; null: the system's clock
  // OwnThread: the log runs the writer on its own thread. Owner: the log's owner calls
  // write_next(), as simulations do to control the order of events.
  enum class Writer : uint8_t { OwnThread, Owner };
  Writer writer = Writer::OwnThread;
  // Limit in bytes for each of the two queues: client appends, and all other requests.
  size_t queue_limit_bytes = 64 << 20;
  // limit for the requests of one commit; a single request may be larger
  size_t group_limit_bytes = 4 << 20;
  // The longest time for which commits of tasks may wait for a client's append, in order to share
  // its commit. They wait only while clients append one at a time (task_pause.h).
  int64_t task_wait_us = 2'000;
  // Called on the writer's thread after each durable commit, with the partitions that have new
  // records or were dropped, so that waiting readers look again. Also called on the thread that
  // advances a high watermark (ReplicaLog).
  std::function<void(std::span<const TopicPartition>)> on_durable;
  // Called with a function `tell`, which the callee must call exactly once: `tell` calls on_durable
  // and answers the commit's requests. Both wake other threads, possibly the same thread several
  // times. The log's owner can collect the wake-ups and do them after `tell` has returned.
  std::function<void(const std::function<void()>& tell)> telling = [](const auto& tell) { tell(); };
  std::function<void(const LogTrace&)> trace;
  // Called once on the writer's thread when the outcome of a commit is unknown. The commit's
  // requests are not answered, and all later requests are refused. The process should end; its next
  // start reads what was stored.
  std::function<void(const Error&)> on_failure;
};

// Invariants:
//   1. a request is answered after the sync of the commit that contains it, and never before;
//   2. everything that is visible to a reader is durable;
//   3. commits of one task are durable in the order of their sequences, without gaps.
//
// Threads: all methods from any thread. Callbacks run on the writer's thread, or on a client's
//   thread that writes a group itself (inline_append.h). They run once each, must not wait, and may
//   submit further requests.
// Owner: the node. Destruction refuses new requests, finishes the queued ones, and joins the
//   writer; every LogReader must be destroyed before.
class Log : public TransactionQueue {
 public:
  // Opens `directory`/log.mdb. Fails like open_lmdb_store().
  static Result<std::unique_ptr<Log>> open(const std::string& directory, LogOptions options);
  static Result<std::unique_ptr<Log>> open(std::unique_ptr<KeyValueStore> store,
                                           LogOptions options);
  ~Log() override;
  // Writes one group of the queued requests and does the maintenance that is due. Only for a log
  // that was opened with LogOptions::Writer::Owner. Returns false if no request was queued.
  bool write_next();
  // Closes the log like the destructor, except that readers may continue. It is for owners whose
  // callbacks refer to objects that are destroyed before the log. Requests that are submitted after
  // close() get an error through their own callbacks; the log calls no other callback.
  void close();

  // --- Appends and task commits. Their queues are bounded. Both calls return false if the queue is
  // full. The request is then not queued, and the caller can learn through when_room() when to try
  // again. If the log is closing or has failed, `done` gets the error.
  bool try_append(AppendRequest& request, AppendDone& done);
  // Queues a commit of a task. The last batch in the result is the batch in the journal.
  bool try_commit(TaskCommit& commit, AppendDone& done);
  // Called when a caller waits for the result of task commits that are in the queue. These commits
  // then no longer wait for client appends (LogOptions::task_wait_us).
  void hurry();
  // Calls `retry` once, on the writer's thread, when a full queue has space again. If no queue is
  // full, `retry` is called soon.
  void when_room(std::function<void()> retry);
  // Calls `retry` once, on the writer's thread, when appends are accepted again after DiskFull. If
  // they already are, `retry` is called soon. If the log closes first, `retry` is not called.
  void when_writable(std::function<void()> retry);

  // --- Partitions
  // Creates partitions 0 to `count` - 1 of the topic, except those that exist. Answered when they
  // are durable. A large number of partitions is created (and dropped) in several commits; if not
  // all of them fit, none is created.
  void create_partitions(Uuid topic, int32_t count, std::function<void(Status)> done,
                         PartitionKind kind = PartitionKind::Client);
  // Removes the topic's partitions and their records. Succeeds if the topic has no partitions.
  // Answered when no reader can see them, now or after a crash. Their space is freed in slices
  // afterwards.
  void drop_topic(Uuid topic, std::function<void(Status)> done);
  // Returns the number of unfinished removals. If it is 0, everything that was dropped or trimmed
  // has been erased from the store.
  size_t pending_removals() const;
  // Returns the partition's offsets and role; they can be polled without locks. Returns null if the
  // partition does not exist.
  std::shared_ptr<const PartitionStatus> find_partition(const TopicPartition& partition) const;
  std::vector<TopicPartition> partitions() const;  // except those of the journal of tasks
  // Returns each topic that has partitions here, except the journal of tasks, in the order of the
  // ids. The server compares these topics with the metadata when it starts.
  std::vector<StoredTopic> topics() const;

  // --- Producers
  // Allocates `count` ids that were never used before. The answer is the first of them; the others
  // follow it.
  void allocate_producer_ids(int32_t count, std::function<void(Result<ProducerId>)> done);

  // Returns a guard for a producer's transaction in a partition. The caller takes the guard, then
  // asks the transaction coordinator whether the partition belongs to the transaction, and then
  // passes the guard with the append (PartitionBatches::guard). The append fails if the transaction
  // has ended in the meantime.
  std::shared_ptr<TransactionGuard> guard_transaction(const TopicPartition& partition,
                                                      ProducerId producer);

  // --- Tasks. JournalReader (task_journal.h) reads their commits.
  // Begins each task: creates it if it does not exist, and fences its former owner, so that from
  // then on every commit under an earlier epoch is refused. The answer has one result for each
  // task, in the order of `tasks`. A task whose row is damaged gets DataCorrupted. If the request
  // as a whole fails, no task has begun.
  void begin_tasks(std::vector<std::string> tasks, std::function<void(Result<TaskStarts>)> done);
  // Drops all tasks whose ids begin with `prefix`. Their entries stay in the journals until the
  // journals are trimmed.
  void drop_tasks(std::string prefix, std::function<void(Status)> done);
  // All tasks of the log, in the order of their ids.
  struct StoredTask {
    std::string id;
    PartitionId journal;
    Offset first_entry;
    std::optional<Error> damage = {};  // the task's row is damaged: first_entry is unknown
  };
  Result<std::vector<StoredTask>> tasks() const;

  // Removes, in slices, records of an internal partition that are no longer needed.
  void trim(PartitionTrim trim, std::function<void(Status)> done);

  // --- Small writes of modules that share the store (TransactionQueue). They and the task commits
  // are executed in the order in which they were queued.
  void submit(std::function<Status(WriteTransaction&)> apply,
              std::function<void(Status)> done) override;
  KeyValueStore& store();

  LogCore& core() { return *core_; }  // for LogReader and other parts of storage/log

 private:
  explicit Log(std::unique_ptr<LogCore> core);
  std::unique_ptr<LogCore> core_;
};

// Blocking variants, for start-up, tools and tests. They must not be called on a loop.
Result<std::vector<AppendedBatch>> append_and_wait(Log& log, AppendRequest request);
Result<std::vector<AppendedBatch>> commit_and_wait(Log& log, TaskCommit commit);
Result<TaskStart> begin_task_and_wait(Log& log, std::string task);
Result<TaskStarts> begin_tasks_and_wait(Log& log, std::vector<std::string> tasks);
Status trim_and_wait(Log& log, PartitionTrim trim);
Status create_partitions_and_wait(Log& log, Uuid topic, int32_t count,
                                  PartitionKind kind = PartitionKind::Client);

}  // namespace storage
