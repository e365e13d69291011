// The inside of the log: its tables, the published partitions, and the writer's thread.
#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "base/decaying_rate.h"
#include "storage/kv/deferred_writes.h"
#include "storage/log/commit_waiters.h"
#include "storage/log/group_transaction.h"
#include "storage/log/log.h"
#include "storage/log/log_statistics.h"
#include "storage/log/partition.h"
#include "storage/log/producer_sweep.h"
#include "storage/log/read_epochs.h"
#include "storage/log/recent_batches.h"
#include "storage/log/removal_lane.h"
#include "storage/log/request_queue.h"
#include "storage/log/space_watch.h"
#include "storage/log/task_owners.h"

namespace storage {

// Invariants: those of Log. In addition, a table's handle is published only after the commit that
//   created the table. It is closed only when every reader has begun a new turn (LogReader) since
//   the partition was dropped. LMDB reuses handle numbers, so a reader with a stale handle could read
//   another topic's records.
//
// Threads: the writer's thread writes groups in turns. Between two turns, a client's thread that is
//   the only user of the log may write one group itself (write_alone()). RequestQueue ensures that
//   only one thread writes at a time. All public methods may be called from any thread.
// Owner: Log.
class LogCore {
 public:
  static Result<std::unique_ptr<LogCore>> open(std::unique_ptr<KeyValueStore> store,
                                               LogOptions options);
  ~LogCore();
  // Refuses new requests, finishes the queued ones, and joins the writer.
  void close();
  // Writes one group, for LogOptions::Writer::Owner. Returns false if no request was queued.
  bool write_next();

  KeyValueStore& store() { return *store_; }
  const LogTables& tables() const { return tables_; }
  RequestQueue& queue() { return queue_; }
  // Queues a request in one of the two queues (lanes) of RequestQueue. Returns false if this lane is full, and then
  // moves `request` and `done` back to the caller.
  template <class Work, class Request>
  bool try_put(RequestQueue::Lane lane, size_t size_bytes, Request& request, AppendDone& done);
  // Queues an append that the caller's thread may write: see inline_append.h.
  RequestQueue::Admission try_put_alone(AppendRequest& request, AppendDone& done);
  void write_alone();
  // Queues a small and rare request. The number of such requests is not limited. `weight_bytes` is
  // counted against the size of a commit group.
  static constexpr size_t kAdministrationWeight = 64 << 10;  // weight of a small removal
  void submit(std::function<Status(GroupTransaction&)> apply, std::function<void(Status)> done,
              size_t weight_bytes = kAdministrationWeight);
  void submit(OtherWork work, size_t weight_bytes);
  // Fails with DiskFull if the disk has no space for a client's append. For use within a submitted
  // request.
  Status admit(const AppendRequest& request) {
    return space_.admit_client_append(size_of(request));
  }
  // Calls `done` for a durable append as soon as its batches are visible. In a partition with
  // replicas, a batch is visible when enough followers have it.
  void when_visible(Appended appended, AppendDone done) {
    commit_waiters_.wait(*partitions(), std::move(appended), std::move(done));
  }
  bool advance_high_watermark(const TopicPartition& id, LeaderEpoch epoch, Offset offset);
  ReadEpochs& epochs() { return epochs_; }
  TransactionGuards& guards() { return guards_; }
  const RecentBatches& recent() const { return recent_; }

  std::shared_ptr<const PartitionMap> partitions() const;
  std::shared_ptr<Partition> find_partition(const TopicPartition& id) const;  // null: none
  // Returns the version of the partition map, which each new map increases. A reader fetches the
  // map only if the version has changed.
  uint64_t partitions_version() const { return partitions_version_.load(); }

  void when_writable(std::function<void()> retry);
  size_t pending_removals() const { return pending_removals_.load(); }
  LogStatistics statistics() const;

  // Returns the error for a request that arrived too late to be queued.
  Error refusal() const;

 private:
  LogCore(std::unique_ptr<KeyValueStore> store, LogOptions options);
  Status recover();
  Status try_recover();
  Status recover_tasks(WriteTransaction& transaction);
  Status recover_transactions(WriteTransaction& transaction,
                              std::span<const std::shared_ptr<Partition>> partitions);
  Status open_journals();
  Result<std::shared_ptr<Partition>> recover_partition(WriteTransaction& transaction,
                                                       const TopicPartition& id,
                                                       const PartitionRow& row);
  Result<std::shared_ptr<Partition>> read_partition(WriteTransaction& transaction,
                                                    const TopicPartition& id,
                                                    const PartitionRow& row);

  using Answer = std::function<void()>;
  template <class Work, class Request>
  RequestQueue::Admission after_put(RequestQueue::Admission admission, LogWork& work,
                                    Request& request, AppendDone& done);
  // The result of one call of take_turn(), which waits for work, takes some of it, and writes it as a group (one
  // commit).
  enum class Turn : uint8_t { Wrote, Idle, Over };
  Turn take_turn(RequestQueue::Patience patience);
  // Whether the pages of the data file that a group changes are written with its commit, or may be
  // written later (docs/adr/0073, docs/adr/0087). Only small groups are written later.
  enum class Pages : bool { Now, Later };
  void write_group(std::span<LogWork> group, Pages pages);
  bool write_part(std::span<LogWork> part, int& attempts_left);
  // The result of one attempt to commit.
  struct Attempt {
    enum class Outcome { Written, NothingWritten, Unknown };
    Outcome outcome;
    std::vector<Answer> answers;  // for all requests if Written, otherwise for at most one request
    Error error = {};             // why nothing was written
    std::optional<size_t> culprit =
        {};  // the request whose write failed; none if the commit failed
    CommitId commit = {};
    // Partitions with new records, and dropped ones; empty unless Written.
    std::vector<TopicPartition> grown = {};
  };
  Attempt try_commit(std::span<LogWork> group);
  // Tries to commit the group by writing it to the store's journal only, without its pages. If the
  // pages must be written with the commit, returns nothing and has changed nothing.
  std::optional<Attempt> try_deferred(std::span<LogWork> group);
  Attempt try_commit(std::unique_ptr<WriteTransaction> begun, std::span<LogWork> group);
  void refuse(std::span<LogWork> group, const Error& error);
  Answer apply(GroupTransaction& transaction, LogWork& work, Error& error);
  Result<Appended> apply_append(GroupTransaction& transaction, AppendRequest& request);
  Result<Appended> apply_follow(GroupTransaction& transaction, const FollowRequest& request);
  Result<Appended> apply_commit(GroupTransaction& transaction, TaskCommit& commit);
  Answer answer(LogWork& work, Error error);
  Answer answer(AppendWork& work, Result<Appended> result);
  Answer answer(CommitWork& work, Result<Appended> result);
  void publish(GroupTransaction& transaction);
  void publish_partitions(const GroupTransaction& transaction);
  void tell_waiters(const GroupTransaction& transaction);
  static std::vector<TopicPartition> grown_in(const GroupTransaction& transaction);
  void tell_grown(std::span<const TopicPartition> grown);
  void count_commit();
  // The following functions are in log_maintenance.cc.
  void remove_a_slice();
  Result<bool> try_slice();
  void sweep_producers();
  Status sweep_some_producers(int64_t now_ms);
  size_t free_tables(const PartitionMap& partitions) const;
  RequestQueue::Patience patience() const;
  void notify_writable();
  void fail(const Error& error);
  void trace(LogTrace::Step step, CommitId commit) const;

  // Memory for recently appended batches. It holds more than a second of appends. Readers and
  // followers normally fetch new batches within a second.
  static constexpr size_t kRecentBytes = 16 << 20;

  const std::unique_ptr<KeyValueStore> store_;
  // The interface of the store for delayed writes of pages; null if the store does not support
  // them.
  DeferredWrites* const deferred_writes_;
  const LogOptions options_;
  const SystemClock system_clock_;
  const Clock& clock_;
  LogTables tables_;
  std::map<TopicPartition, Error> damaged_;  // found by recover()
  RequestQueue queue_;
  ReadEpochs epochs_;
  CommitWaiters commit_waiters_;
  TransactionGuards guards_;
  RecentBatches recent_{kRecentBytes};

  mutable std::mutex mutex_;
  // Guarded by mutex_
  std::shared_ptr<const PartitionMap> partitions_ = std::make_shared<PartitionMap>();
  std::vector<std::function<void()>> writable_waiters_;
  uint64_t commits_ = 0;
  DecayingRate commit_rate_;
  std::atomic<uint64_t> partitions_version_{1};
  std::atomic<bool> failed_ = false;
  std::atomic<size_t> pending_removals_ = 0;

  // Used only by the thread that has the writer's role.
  SpaceWatch space_;
  std::optional<RemovalLane> removals_;  // present once the tables are open
  int64_t removals_resume_us_ = 0;
  absl::flat_hash_set<ProducerId> task_producers_;  // producers of all existing tasks
  std::optional<ProducerSweep> producers_;          // present once the tables are open
  TaskOwners owners_;
  Pages pages_ = Pages::Now;  // when the pages of the current group are written
  // number of coming groups whose pages must be written with the commit
  size_t undeferred_left_ = 0;
  // partitions with new records of which on_durable has not been called yet
  std::vector<TopicPartition> untold_;
  int64_t told_us_ = 0;
  // For each task with a refused commit: the epoch of that commit. All later commits of the task in
  // this epoch are refused, too.
  absl::flat_hash_map<std::string, TaskEpoch> refused_;
  // Whether the last group had batches of partitions with replicas. If not, all of its records are
  // visible.
  bool group_has_replicas_ = false;

  std::thread writer_;  // the last member: the thread uses all members above
};

template <class Work, class Request>
bool LogCore::try_put(RequestQueue::Lane lane, size_t size_bytes, Request& request,
                      AppendDone& done) {
  LogWork work = Work{std::move(request), std::move(done)};
  const auto admission = queue_.put(lane, work, size_bytes);
  return after_put<Work>(admission, work, request, done) != RequestQueue::Admission::Full;
}

template <class Work, class Request>
RequestQueue::Admission LogCore::after_put(RequestQueue::Admission admission, LogWork& work,
                                           Request& request, AppendDone& done) {
  if (admission == RequestQueue::Admission::Full) {
    auto& [back, callback] = std::get<Work>(work);
    request = std::move(back);
    done = std::move(callback);
  }
  if (admission == RequestQueue::Admission::Closed) std::get<Work>(work).done(refusal());
  return admission;
}

}  // namespace storage
