// A group commit in progress: one write transaction for several requests, together with the changes
// of the log's state in memory that the requests cause. The changes in memory are made only after
// the commit, when the transaction is durable.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_set.h>

#include "records/batch.h"
#include "storage/log/partition.h"
#include "storage/log/producer_state.h"
#include "storage/log/requests.h"
#include "storage/log/stored_keys.h"
#include "storage/log/task_outputs.h"
#include "storage/log/task_owners.h"
#include "storage/log/transaction_guards.h"

namespace storage {

struct Unchanged;

// The new content of some batches of a partition, as compaction has computed it.
struct CleanedBatches {
  struct Batch {
    Offset last_offset;
    std::string bytes;  // empty: nothing is left of the batch
    // Set if this is the last batch that the task with this producer id has written to the
    // partition. `bytes` is then the batch without its records. GroupTransaction::clean() stores it
    // only while the log has a TaskOutputState of this task in the partition; otherwise clean()
    // erases the batch.
    std::optional<ProducerId> task = {};
  };
  TopicPartition partition;
  // Number of the partition whose batches compaction has read. If the partition was recreated since
  // then, it has another number, and the write fails.
  LogNumber number;
  // value of Partition::truncations() when the compaction pass read its first batch
  uint64_t truncations = 0;
  std::vector<Batch> batches;              // in the order of their offsets
  Offset gaps_end;                         // offset before which compaction may have left gaps
  std::optional<Offset> cleaned_end = {};  // set with the last batches of the pass
};

// Returns the name of the table that holds the partition's batches.
std::string batch_table_name(const Partition& partition);

// Invariants:
//   1. a request that is refused has written nothing into the transaction;
//   2. when a write itself fails, is_broken() is true and the transaction can only be discarded;
//   3. nothing in memory changes before the commit.
//
// Threads: the log's writer. Owner: the writer, for one group.
class GroupTransaction {
 public:
  // The state to which the group is applied, and its limits.
  struct Context {
    const LogTables& tables;
    const PartitionMap& partitions;
    const TaskOwners& owners;
    size_t free_tables;  // number of partitions of PartitionKind::Client that may still be created
    int64_t now_ms;      // wall clock: the time of all appends of the group
    TransactionGuards& guards;
    bool is_small;  // a small group, whose batches are cheap to keep in memory (recent_batches.h)
  };
  GroupTransaction(std::unique_ptr<WriteTransaction> transaction, const Context& context);

  // Appends the batches, and sets base offsets and leader epochs in the request's bytes.
  Result<std::vector<AppendedBatch>> append(AppendRequest& request);
  // Appends the batches only if no newer record has one of their keys; otherwise fails with
  // ObjectState (append_unless_changed.cc).
  Result<std::vector<AppendedBatch>> append_unless_changed(AppendRequest& request,
                                                           const Unchanged& unchanged);
  // Here: this node decides the commits, and may refuse them. InJournal: a replicated journal
  // contains the commits, so each node has to apply them.
  enum class Decided : uint8_t { Here, InJournal };
  // Writes all of the commits, in their order, or none. In the result, the last batch of each
  // commit is the batch in its journal.
  Result<std::vector<AppendedBatch>> commit_tasks(std::span<TaskCommit> commits, Decided decided);

  // --- Replicas: see ReplicaLog (group_replication.cc)
  Result<std::vector<AppendedBatch>> follow(const FollowRequest& request);
  Status set_role(const TopicPartition& id, ReplicaRole role, LeaderEpoch epoch,
                  LeaderEpoch unclean = {});
  // Removes records at `end` and after it, from the end of the log backwards. One call removes a
  // limited number of them. Returns true when no record at or after `end` is left.
  Result<bool> truncate(const TopicPartition& id, LeaderEpoch epoch, Offset end);
  // Lets an empty partition begin at `start`, with the given producer states.
  Status start_at(const TopicPartition& id, LeaderEpoch epoch, Offset start,
                  std::string_view producers);
  Status renew_partition(const TopicPartition& id, LeaderEpoch epoch);

  // --- The following calls are rare and small. One call creates or drops at most
  // kPartitionsAtATime partitions, because each of them opens or closes a table. The caller repeats
  // the call until all partitions are created or dropped. Partitions are created from the lowest
  // number up and dropped from the highest down, so that the numbers of a topic never have gaps.
  static constexpr int32_t kPartitionsAtATime = 64;
  Status create_partitions(const Uuid& topic, int32_t count, PartitionKind kind);
  Status drop_topic(const Uuid& topic);
  Result<TaskStarts> begin_tasks(std::span<const std::string> tasks);
  Result<ProducerId> allocate_producer_ids(int32_t count);
  Status trim(const PartitionTrim& trim);
  Status drop_tasks(std::string_view prefix);

  // --- Cleaning (group_cleaning.cc)
  Status clean(const CleanedBatches& cleaned);
  // Adds an entry to the time index, which states that all records of the partition were appended
  // at or before the time of the partition's last append.
  Status index_append_time(const TopicPartition& id);
  // Raises the leader epoch of each partition of the local task journal (kTaskJournal). These
  // partitions have no other replica, so this server always leads them.
  Status raise_journal_epochs();
  // Converts some of the journals that an earlier version has written. Returns true when none is
  // left.
  Result<bool> convert_journals();
  WriteTransaction& transaction() { return *transaction_; }
  // Returns the commit that makes the group durable.
  CommitId commit_id() const { return transaction_->commit_id(); }

  bool is_broken() const { return transaction_->has_failed(); }

  Status commit() { return transaction_->commit(); }

  // --- After the commit: the changes to publish.
  struct Moved {
    std::shared_ptr<Partition> partition;
    PartitionState state;
    bool has_new_records = false;
    // The partition was truncated or its role has changed. Appends that wait to become visible are
    // then checked again.
    bool is_cut = false;
    bool is_truncated = false;
    bool is_cleaned = false;  // compaction has changed its batches
    std::optional<TimeMark> time_mark = {};
    // Copies of the appended batches, back to back, for readers that ask for them soon, and the
    // offset of the first batch.
    std::string recent = {};
    Offset recent_from = {};
  };
  std::vector<Moved>& moved() { return moved_; }
  const std::vector<Moved>& moved() const { return moved_; }
  const std::vector<std::shared_ptr<Partition>>& created() const { return created_; }
  const std::vector<std::shared_ptr<Partition>>& dropped() const { return dropped_; }
  // Returns the key ranges that were made invisible and recorded as Removal rows by this group.
  // Later transactions erase the entries in these ranges slice by slice (removal_lane.h).
  const std::vector<Removal>& removals() const { return removals_; }
  // Returns the tasks whose owner has changed or that were dropped, since the last call.
  std::vector<std::string> take_renewed_tasks() { return std::exchange(renewed_tasks_, {}); }
  // The producers of tasks that this group has begun or dropped, in the order of the changes.
  enum class IsAlive : bool { No, Yes };
  const std::vector<std::pair<ProducerId, IsAlive>>& task_producers() const {
    return task_producers_;
  }
  // The new owner of each task whose owner has changed; nothing if the task was dropped.
  using ChangedOwners = absl::flat_hash_map<std::string, std::optional<TaskOwner>>;
  ChangedOwners& owners() { return changed_owners_; }

 private:
  // A batch that begins or ends its producer's transaction. `end` is set if the batch ends it.
  struct TransactionStep {
    ProducerId producer;
    std::optional<records::TransactionEnd> end;
    // The offset at which the ended transaction began; nothing if it had no batch here.
    std::optional<Offset> first_offset;
  };
  struct PlannedBatch {
    size_t moved_index;
    std::span<char> bytes;
    Offset base_offset, last_offset;
    int64_t max_timestamp;
    bool is_duplicate;  // the batch was appended before
    std::optional<TransactionStep> step = {};
  };
  // All effects of an append, decided before anything is written.
  struct Plan {
    std::vector<PlannedBatch> batches;
    // new log end of each partition, by its index in moved_
    absl::flat_hash_map<size_t, Offset> log_ends;
    absl::flat_hash_map<std::string, ProducerState> producers;       // states by producer_key()
    absl::flat_hash_map<std::string, TaskOutputState> task_outputs;  // states by producer_key()
  };

  // Returns the index in moved_ of the partition's entry. Adds an entry if the partition has none.
  Result<size_t> find(const TopicPartition& id);
  Result<size_t> find_any(const TopicPartition& id);  // includes damaged partitions
  Status add_to(Plan& plan, PartitionBatches& part);
  Status check_unchanged(const PartitionBatches& part, const Unchanged& unchanged);
  Status add_to(Plan& plan, const TopicPartition& partition, std::span<char> batches,
                const TransactionGuard* guard = nullptr);
  Status plan_batch(Plan& plan, size_t moved_index, std::span<char> rest,
                    const TransactionGuard* guard);
  Status check_sequence(Plan& plan, PlannedBatch& planned, const records::BatchView& batch,
                        const TransactionGuard* guard);
  // Updates `state` for a batch that is appended at `base_offset`.
  static Result<std::optional<TransactionStep>> remember(ProducerState& state,
                                                         const records::BatchView& batch,
                                                         Offset base_offset, int64_t now_ms);
  Status take_step(Moved& moved, const TransactionStep& step, Offset offset);
  Result<ProducerState*> producer_state(Plan& plan, const std::string& key);
  Result<TaskOutputState*> task_output(Plan& plan, const std::string& key);
  Result<std::optional<ProducerState>> stored_producer(const std::string& key);
  Result<TaskOutputState> stored_task_output(const std::string& key);
  Result<std::vector<AppendedBatch>> write(const Plan& plan);
  Status write_batch(const PlannedBatch& batch);
  Status store_batch(Moved& moved, std::string_view bytes, Offset last_offset,
                     int64_t max_timestamp);
  void keep_recent(Moved& moved, std::string_view batch);
  Status put_row(const Moved& moved);

  Result<EpochStart> newest_epoch(Moved& moved);
  Status begin_epoch(Moved& moved, LeaderEpoch epoch, Offset start);
  Status cut_newer_epochs(Moved& moved, LeaderEpoch epoch);
  Result<LeaderEpoch> last_written_epoch(Moved& moved);

  Result<size_t> find_follower(const TopicPartition& id, LeaderEpoch epoch);
  Status check_follow(Moved& moved, const FollowRequest& request);
  Status follow_batch(Moved& moved, const records::BatchView& batch);
  Status remember_batch(Moved& moved, const records::BatchView& batch);
  // For each producer: the sequence of its first batch that is truncated.
  using FirstCut = absl::flat_hash_map<ProducerId, int32_t>;
  Status cut_producers(const Partition& partition, Offset log_end, const FirstCut& producers);
  Status cut_transactions(Moved& moved);

  Result<TaskStart> begin_task(const std::string& task);
  Result<TaskRow> make_task(const std::string& task);
  TaskOwner* find_owner(const std::string& task);
  Result<int64_t> take_numbers(std::string_view counter, int64_t count);
  // By task: the sequence of its last commit, including the commits of this request.
  using NewSequences = absl::flat_hash_map<std::string, std::optional<TaskSequence>>;
  Result<const TaskOwner*> check_task(const TaskCommit& commit, NewSequences& sequences);
  Status check_trims(const TaskCommit& commit, Decided decided);
  Status write_trim(const PartitionTrim& trim);
  Status trim_time_index(const Partition& partition, Offset log_start);
  Status convert_journal(std::string_view task, std::string_view old_row, TableHandle journals,
                         size_t& bytes);
  Status remove(const Removal& removal, TableHandle table);
  Status remove_later(const Removal& removal);
  Result<std::optional<TaskRow>> task_row(std::string_view task);
  int32_t partition_count(const Uuid& topic) const;
  bool has_partition(const TopicPartition& id) const;
  Status create_partition(const TopicPartition& id, PartitionKind kind);
  Result<LogNumber> number_of_new(const TopicPartition& id, PartitionKind kind);
  Status drop_partition(const std::shared_ptr<Partition>& partition);

  const std::unique_ptr<WriteTransaction> transaction_;
  const LogTables& tables_;
  const PartitionMap& partitions_;
  const TaskOwners& owners_;
  ChangedOwners changed_owners_;
  std::vector<Moved> moved_;
  absl::flat_hash_map<TopicPartition, size_t> moved_index_;
  std::vector<std::shared_ptr<Partition>> created_, dropped_;
  absl::flat_hash_set<TopicPartition> dropped_ids_;
  std::vector<Removal> removals_;
  std::vector<std::string> renewed_tasks_;
  std::vector<std::pair<ProducerId, IsAlive>> task_producers_;
  size_t free_tables_;
  const int64_t now_ms_;
  TransactionGuards& guards_;
  const bool is_small_;
};

}  // namespace storage
