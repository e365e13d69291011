// The partitioned log: record batches by topic partition, the journals of tasks, and whatever else
// must be durable together with them, in one store with one writer thread and group commit.
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

// A topic as the log holds it.
struct StoredTopic {
  Uuid id;
  PartitionKind kind;
  int32_t partition_count;
  bool operator==(const StoredTopic&) const = default;
};

// What happens to group commits, in order: for tests and tracing. Called on the writer's thread.
struct LogTrace {
  enum class Step { CommitBegins, Synced, Acknowledged };  // the last: all requests are answered
  Step step;
  CommitId commit;  // what it is, or would have been if it fails
};

struct LogOptions {
  size_t map_size_bytes = 1ULL << 40;
  // Partitions that clients see, each of which is a table of its own (lmdb_store.h says what one
  // costs). Beyond that a creation is refused with LimitExceeded, before anything is written.
  size_t max_partitions = 32'000;
  uint32_t max_readers = 512;  // LogReaders and other snapshots at a time
  // Free space below which client appends are refused with DiskFull; task commits are from half of
  // it on. What is left is for drops, trims and small commits, so that a full disk can be tidied
  // up. 0: appends are tried always.
  uint64_t reserve_bytes = 64 << 20;
  // What is dropped or trimmed is removed between groups, in slices of so much.
  struct RemovalBudget {
    int64_t time_us = 2'000;
    // The numbers of the freed pages become one entry of LMDB's list of free pages, which later
    // commits read and write as a whole.
    size_t size_bytes = 4 << 20;
  };
  RemovalBudget removal_budget = {};
  // What is remembered of an idempotent producer goes so long after its last append to the
  // partition (as Kafka's producer.id.expiration.ms), and that of the longest silent ones when a
  // partition has many more than so many.
  int64_t producer_expiration_ms = 86'400'000;
  size_t max_producers = 20'000;
  // Of tasks that this log does not know. In a cluster they are anywhere: what a partition forgot of one that is
  // still there would be taken for a gap.
  bool forgets_foreign_tasks = true;
  const Clock* clock = nullptr;  // outlives the log; null is the system's
  // Who runs the writer: a thread of the log's own, or the log's owner, who calls write_next(). That is
  // for simulations, where nothing happens at a time of its own choosing.
  enum class Writer : uint8_t { OwnThread, Owner };
  Writer writer = Writer::OwnThread;
  // Of each of the two queues: client appends, and all the rest.
  size_t queue_limit_bytes = 64 << 20;
  size_t group_limit_bytes = 4 << 20;  // gathered into one commit; one request may be larger
  // So long commits of tasks may wait for clients' appends, which come one by one, to be durable together
  // with them (task_pause.h).
  int64_t task_wait_us = 2'000;
  // Called on the writer's thread after each durable commit with the partitions that it appended
  // to, and those that it dropped: whoever waits for more of them looks again. And by whoever moves a
  // high watermark (ReplicaLog), on his own.
  std::function<void(std::span<const TopicPartition>)> on_durable;
  // Runs what tells everybody of a durable commit, on_durable and the answers to its requests: whoever has
  // to wake the same threads for several of these can wait until all is said.
  std::function<void(const std::function<void()>& tell)> telling = [](const auto& tell) { tell(); };
  std::function<void(const LogTrace&)> trace;
  // Called once on the writer's thread when a commit ended in an unknown state. Its requests stay
  // unanswered, all later ones are refused; the process should end, the next start finds out what
  // was stored.
  std::function<void(const Error&)> on_failure;
};

// Invariants:
//   1. a request is answered after the sync of the commit that holds it, and never before;
//   2. what is visible to a reader is durable;
//   3. commits of one task are durable in the order of their sequences, without gaps.
//
// Threads: all methods from any thread. Callbacks run on the writer's thread, or that of who writes alone meanwhile
//   (lone_append.h), once each, must not wait, and may submit further requests.
// Owner: the node. Destruction refuses new requests, finishes those that are queued, and joins the
//   writer; every LogReader must be gone by then.
class Log : public TransactionQueue {
 public:
  // `directory`/log.mdb. Fails like open_lmdb_store().
  static Result<std::unique_ptr<Log>> open(const std::string& directory, LogOptions options);
  static Result<std::unique_ptr<Log>> open(std::unique_ptr<KeyValueStore> store,
                                           LogOptions options);
  ~Log() override;
  // With LogOptions::Writer::Owner: writes one group of what waits, and what is due of maintenance. False
  // when nothing waited.
  bool write_next();
  // What destruction does, but for the readers, which may go on: for owners whose callbacks refer
  // to things that go before the log. No callback runs afterwards, but those of requests that come
  // too late.
  void close();

  // --- Appends and task commits: bounded. False when the queue is full: the request was not taken,
  // and when_room() tells when to try again. Once the log is closing or has failed, `done` gets the
  // error.
  bool try_append(AppendRequest& request, AppendDone& done);
  // The last of what a commit appended is its batch in the journal.
  bool try_commit(TaskCommit& commit, AppendDone& done);
  // Somebody waits for the task commits that were taken: they wait for no client any more.
  void hurry();
  // Calls `retry` once, on the writer's thread, as soon as a queue that was full has room (at once
  // when none is).
  void when_room(std::function<void()> retry);
  // The same for the disk, after DiskFull: calls `retry` once, on the writer's thread, as soon as
  // appends are taken again (at once when they are). Not called any more when the log closes first.
  void when_writable(std::function<void()> retry);

  // --- Partitions
  // Makes partitions 0 to `count` - 1 of the topic; those that exist stay. Answered when durable.
  // Many are made in several commits, and dropped likewise; what does not fit is not begun.
  void create_partitions(Uuid topic, int32_t count, std::function<void(Status)> done,
                         PartitionKind kind = PartitionKind::Client);
  // Removes the topic's partitions and their records; no error when there are none. Answered when
  // nobody can see them any more, now or after a crash; the room they take is given back in slices.
  void drop_topic(Uuid topic, std::function<void(Status)> done);
  // What is dropped or trimmed and not removed yet: 0 when no record, journal or state of it is
  // left.
  size_t pending_removals() const;
  // Where the partition stands, for polling without locks; null when there is none.
  std::shared_ptr<const PartitionStatus> find_partition(const TopicPartition& partition) const;
  std::vector<TopicPartition> partitions() const;  // but those of the journal of tasks
  // Each topic that has partitions here but the journal of tasks, in the order of their ids: what the
  // metadata is compared with at the start.
  std::vector<StoredTopic> topics() const;

  // --- Producers
  // Ids that nobody has had before: `count` from the answered one on.
  void allocate_producer_ids(int32_t count, std::function<void(Result<ProducerId>)> done);

  // Of a producer in a partition: taken before its coordinator is asked whether the partition is part of its
  // transaction, and given with the append (PartitionBatches).
  std::shared_ptr<TransactionGuard> guard_transaction(const TopicPartition& partition,
                                                      ProducerId producer);

  // --- Tasks. What they have committed: JournalReader (task_journal.h)
  // Makes those that are not there yet, and fences the owners of the others: every commit under an
  // earlier epoch is refused from then on. Answers in the order of `tasks`, for each whether it has begun:
  // one whose row is damaged has not (DataCorrupted). Where the whole fails none has.
  void begin_tasks(std::vector<std::string> tasks, std::function<void(Result<TaskStarts>)> done);
  // All tasks whose id begins with `prefix` are no more. What they have left in journals goes when
  // those are trimmed.
  void drop_tasks(std::string prefix, std::function<void(Status)> done);
  // Of all that are there, in the order of their ids.
  struct StoredTask {
    std::string id;
    PartitionId journal;
    Offset first_entry;
    std::optional<Error> damage = {};  // of its row: nobody knows where its entries begin
  };
  Result<std::vector<StoredTask>> tasks() const;

  // Removes, in slices, the records of an internal partition that nobody needs any more.
  void trim(PartitionTrim trim, std::function<void(Status)> done);

  // --- Small writes of those who share the store (TransactionQueue), in order with task commits.
  void submit(std::function<Status(WriteTransaction&)> apply,
              std::function<void(Status)> done) override;
  KeyValueStore& store();

  LogCore& core() { return *core_; }  // for LogReader

 private:
  explicit Log(std::unique_ptr<LogCore> core);
  std::unique_ptr<LogCore> core_;
};

// The same, waiting for the answer: for start-up, tools and tests, never on a loop.
Result<std::vector<AppendedBatch>> append_and_wait(Log& log, AppendRequest request);
Result<std::vector<AppendedBatch>> commit_and_wait(Log& log, TaskCommit commit);
Result<TaskStart> begin_task_and_wait(Log& log, std::string task);
Result<TaskStarts> begin_tasks_and_wait(Log& log, std::vector<std::string> tasks);
Status trim_and_wait(Log& log, PartitionTrim trim);
Status create_partitions_and_wait(Log& log, Uuid topic, int32_t count,
                                  PartitionKind kind = PartitionKind::Client);

}  // namespace storage
