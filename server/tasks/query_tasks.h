// Builds the tasks of persistent queries from durable data, and gives them to the shards.
#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "engine/query/view_rows.h"
#include "server/metadata/image.h"
#include "server/metadata/lost_records.h"
#include "server/metadata/query_topics.h"
#include "server/tasks/commit_path.h"
#include "server/tasks/journal_tail.h"
#include "server/tasks/query_progress.h"
#include "server/tasks/renewed_tables.h"
#include "server/tasks/restart_schedule.h"
#include "server/tasks/shard.h"
#include "storage/log/log.h"
#include "storage/state/state_store.h"

namespace server {

struct RecoveredCounts {
  std::atomic<uint64_t> tasks = 0, table_rows = 0;
};

// Threads: one operation at a time, on a thread that may wait (QuerySupervisor ensures it);
//          shard_for(), owner_of(), shards() and commits() on any.
// Owner:   the node; the shards, the log and the state store outlive it.
class QueryTasks {
 public:
  // Returns the current topics with the numbers of their partitions.
  using FindTopics = std::function<std::shared_ptr<const storage::TopicSnapshot>()>;
  // Called before the shards run. Assigns the partitions of the task journal to the shards.
  QueryTasks(storage::Log& log, storage::StateStore& state, const Clock& clock,
             std::vector<Shard*> shards, FindTopics find_topics, CheckpointPolicy checkpoint_policy,
             const std::atomic<bool>& must_stop);

  using Launch = QueryLaunch;
  // Builds all tasks of each query in place of the old tasks. Each task is restored to its last
  // durable commit. Returns one status for each query. After a failure, a query either has no
  // tasks, or still has all of its old ones. If durable data is damaged, the status is
  // DataCorrupted with a hint on how to repair it. While state is restored, `gives_way` is called
  // from time to time on several threads. When it has returned true, the queries that are not built
  // yet fail with QueryCanceled.
  using GivesWay = std::function<bool()>;
  std::vector<Status> start(
      std::span<const Launch> launches, const GivesWay& gives_way = [] { return false; });
  // Removes the query's tasks from the shards; changes that are not durable are lost.
  void remove(const std::string& query_id);
  void pause(const std::string& query_id, bool is_paused);
  // All topics and queries in the log and the state store, including dropped ones.
  struct Inventory {
    std::vector<Uuid> topics;  // topics and exchanges
    std::set<std::string> queries;
  };
  Result<Inventory> inventory() const;
  // drop_state() deletes the state of a query that has no tasks, and drop_topic() the records of a
  // topic. The deletion is durable on return.
  Status drop_state(const std::string& query_id);
  Status drop_topic(const Uuid& topic);

  // Sets the function that finds the partition to which the processing log (the lines about failed
  // records) is written. It is called for each task that starts, because a user may have dropped
  // the stream of the processing log. Called before the first start.
  using FindProcessingLog = std::function<std::optional<engine::PartitionRef>()>;
  void set_processing_log(FindProcessingLog find) { find_processing_log_ = std::move(find); }

  // Sets the CommitPath for all queries; the default is LocalCommits. Called before the first
  // start.
  void use_commits(std::unique_ptr<CommitPath> commits) { commits_ = std::move(commits); }
  CommitPath& commits() const { return *commits_; }
  const std::atomic<bool>& must_stop() const { return must_stop_; }
  // For a cluster: sets the function that returns whether this node has a replica of a partition.
  // Called before the first start.
  using HasReplica = std::function<bool(const storage::TopicPartition& partition)>;
  void set_replicas(HasReplica has_replica) { has_replica_ = std::move(has_replica); }
  // For a cluster: sets the function that returns all unclean elections of partitions so far.
  // Called before the first start.
  using FindElections = std::function<storage::UncleanElections()>;
  void set_elections(FindElections find) { find_elections_ = std::move(find); }
  PartitionElections elections_of(const DefinedQuery& defined) const {
    return elections_over(defined, find_elections_());
  }
  // Checks that the local replicas already follow the leaders that the unclean elections have
  // chosen, so that a rebuild does not read the removed records. Partitions without a local replica
  // are skipped. Fails with QueryCanceled if a replica has not reached the epoch of its election.
  Status check_follows(const PartitionElections& elections) const;
  // Deletes a table that this node keeps for itself and builds it again, if the table may have rows
  // from records that an unclean election has removed. Fails with QueryCanceled if this has to
  // wait.
  Status renew_if_lost(const DefinedQuery& defined);
  // Called when the loops of the shards run. A drop waits for these loops, so nothing can be
  // dropped before.
  void note_shards_run() { shards_run_ = true; }

  // Sets the schemas to which records refer. They outlive the tasks of the shards. Called before
  // the first start.
  void set_schemas(const engine::SchemaLookup& schemas) { schemas_ = &schemas; }

  // Returns the published positions of the queries. Before the first query starts, it must contain
  // all queries that are to run, and no dropped query.
  QueryProgress& progress() { return progress_; }
  // Sets whether a join of a stream with a table waits for the queries that write its inputs. With
  // false, joins behave as in ksqlDB. In a cluster, joins never wait, because the outputs of a
  // query become visible only some time after its commits. Called before the first start.
  void set_joins_wait(bool joins_wait) { joins_wait_ = joins_wait; }
  // If the stage joins a stream with a table, makes its new task `task` on this shard wait for the
  // writers of its inputs. Other stages need not wait: the order in which their inputs arrive does
  // not change their results. Threads: any.
  void await_writers(const engine::StagePlan& stage, const std::string& query_id, Shard& shard,
                     std::span<engine::Task::Input> inputs, ShardTask& task) const;

  Shard& shard_for(const std::string& query_id, int32_t partition);
  // Returns the shard that owns this partition of the task journal.
  Shard& owner_of(PartitionId journal) const;
  const std::vector<Shard*>& shards() const { return shards_; }
  const RecoveredCounts& recovered() const { return recovered_; }

 private:
  struct StageInput {
    uint32_t index;
    QueryTopic topic;
    const engine::InputStep* step;
  };
  static Result<std::vector<StageInput>> inputs_of(const DefinedQuery& defined,
                                                   const engine::StagePlan& stage,
                                                   const storage::TopicSnapshot& topics);
  static Result<engine::StageEnd> end_of(const DefinedQuery& defined,
                                         const engine::StagePlan& stage, int32_t task,
                                         const storage::TopicSnapshot& topics);
  static Result<std::string> task_id(const engine::QueryPlan& plan, size_t stage, int32_t number);
  Status make_exchanges(const DefinedQuery& defined, const storage::TopicSnapshot& topics);
  // Adds all tasks of the query to `places`. Fails, and adds none, if one of them cannot be placed.
  static Status place(const Launch& launch, size_t index, const storage::TopicSnapshot& topics,
                      std::vector<TaskPlace>& places);
  // If one of a query's tasks is lost (LostTasks), sets the query's element of `results` to an
  // error, so that none of its tasks starts.
  void find_lost(std::span<const TaskPlace> places, std::vector<Status>& results) const;
  // Begins the tasks in the log. Fails if no task has begun. If a single task fails, its query's
  // element of `results` gets the error.
  Status begin_tasks(std::span<TaskPlace> places, std::vector<Status>& results);
  // For each journal: the entries of the tasks that are being started, or the error if the journal
  // cannot be read.
  using Tails = std::map<PartitionId, Result<std::shared_ptr<const JournalTail>>>;
  Tails read_journals(std::span<const TaskPlace> places);
  Status build(TaskPlace& place, const Tails& tails, const storage::TopicSnapshot& topics,
               const GivesWay& gives_way);
  Status renew_table(const DefinedQuery& defined, const PartitionElections& elections);
  Status check_goes_on(const GivesWay& gives_way) const;
  // Returns the description of how one partition of an input is read.
  static engine::Task::Input task_input(const DefinedQuery& defined, const StageInput& input,
                                        PartitionId partition);
  static Status add_inputs(const DefinedQuery& defined, const StageInput& input,
                           PartitionId partition, const storage::TopicSnapshot& topics,
                           std::vector<engine::Task::Input>& inputs);
  void build_all(std::span<TaskPlace> places, const storage::TopicSnapshot& topics,
                 const GivesWay& gives_way, std::vector<Status>& results);
  void expect_tasks(std::span<const TaskPlace> places) const;
  void hand_over(std::vector<TaskPlace> places);
  void deal_out_journals();
  // Calls work(0) to work(count - 1) on several threads, one for each shard. Several threads are
  // used because a start may have ten thousand tasks.
  void for_all(size_t count, const std::function<void(size_t)>& work) const;

  storage::Log& log_;
  storage::StateStore& state_;
  const Clock& clock_;
  const std::vector<Shard*> shards_;
  const FindTopics find_topics_;
  const std::atomic<bool>& must_stop_;  // checked while a start restores much state
  const std::shared_ptr<CheckpointLane> lane_;
  FindProcessingLog find_processing_log_;
  const engine::SchemaLookup* schemas_ = nullptr;
  const engine::ViewRows view_rows_;  // runs the SELECTs of materialized views
  std::set<std::string> on_shards_;   // queries that may have tasks on the shards
  RecoveredCounts recovered_;
  QueryProgress progress_;
  bool joins_wait_ = true;
  HasReplica has_replica_;
  FindElections find_elections_;
  std::optional<RenewedTables> renewed_;  // read when first needed
  std::atomic<bool> shards_run_ = false;
  std::unique_ptr<CommitPath> commits_;
};

}  // namespace server
