// Makes the tasks of persistent queries out of what is durable, and hands them to the shards.
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

#include "server/metadata/image.h"
#include "server/metadata/lost_records.h"
#include "server/metadata/query_topics.h"
#include "server/tasks/journal_tail.h"
#include "server/tasks/query_progress.h"
#include "server/tasks/renewed_tables.h"
#include "server/tasks/replicated_journals.h"
#include "server/tasks/restart_schedule.h"
#include "server/tasks/shard.h"
#include "storage/log/log.h"
#include "storage/state/state_store.h"

namespace server {

struct RecoveredCounts {
  std::atomic<uint64_t> tasks = 0, table_rows = 0;
};

// Threads: one operation at a time, on a thread that may wait (QuerySupervisor sees to it);
//          shard_for() and shards() on any.
// Owner:   the node; the shards, the log and the state store outlive it.
class QueryTasks {
 public:
  // The topics as of now: they say how many partitions there are.
  using FindTopics = std::function<std::shared_ptr<const storage::TopicSnapshot>()>;
  // Before the shards run: deals the partitions of the journal out to them.
  QueryTasks(storage::Log& log, storage::StateStore& state, const Clock& clock,
             std::vector<Shard*> shards, FindTopics find_topics, CheckpointPolicy checkpoint_policy,
             const std::atomic<bool>& must_stop);

  struct Launch {
    std::shared_ptr<const DefinedQuery> defined;
    uint64_t run = 0;  // what its tasks say when they fail
    RunMode mode = RunMode::Batches;
    bool is_paused = false;
  };
  // Builds all tasks of each query, restored to their last durable commit, in place of those that
  // it has; one answer for each. A query that fails has no tasks afterwards, or still all of those
  // that it had before. Where what is durable is damaged that is DataCorrupted, with what to do about it.
  // While there is state to restore it asks `gives_way` from time to time, on several threads: once
  // that is true, what is not built fails with QueryCanceled.
  using GivesWay = std::function<bool()>;
  std::vector<Status> start(
      std::span<const Launch> launches, const GivesWay& gives_way = [] { return false; });
  // Takes the query's tasks off the shards; what they have not made durable is forgotten.
  void remove(const std::string& query_id);
  void pause(const std::string& query_id, bool is_paused);
  // What the log and the state store hold, defined or not.
  struct Inventory {
    std::vector<Uuid> topics;  // and exchanges
    std::set<std::string> queries;
  };
  Result<Inventory> inventory() const;
  // Forget, for good, what a query without tasks has kept, and a topic's records.
  Status drop_state(const std::string& query_id);
  Status drop_topic(const Uuid& topic);

  // Where tasks that start from now on write their lines about failed records: asked for each, as
  // the stream may be dropped. Before the first start.
  using FindProcessingLog = std::function<std::optional<engine::PartitionRef>()>;
  void set_processing_log(FindProcessingLog find) { find_processing_log_ = std::move(find); }

  // In a cluster: the journals that queries share with other nodes, and whether this node has a replica of what they
  // read. Before the first start.
  using HasReplica = std::function<bool(const storage::TopicPartition& partition)>;
  void set_journals(ReplicatedJournals& journals, HasReplica has_replica) {
    journals_ = &journals;
    has_replica_ = std::move(has_replica);
  }
  ReplicatedJournals* journals() const { return journals_; }
  // In a cluster: which partitions had an unclean election, as of now. Before the first start.
  using FindElections = std::function<storage::UncleanElections()>;
  void set_elections(FindElections find) { find_elections_ = std::move(find); }
  // The shards' loops run: before, nothing is dropped, since that waits for them.
  void note_shards_run() { shards_run_ = true; }

  // That records name; before the first start. It outlives the shards' tasks.
  void set_schemas(const engine::SchemaLookup& schemas) { schemas_ = &schemas; }

  // Before queries start: all that are to run are defined, and one that was dropped is forgotten.
  QueryProgress& progress() { return progress_; }
  // Whether a join of a stream with a table waits for the queries that write what it reads: not in ksqlDB's way, and not
  // in a cluster, where a query's outputs reach the nodes after its commits. Before the first start.
  void set_joins_wait(bool joins_wait) { joins_wait_ = joins_wait; }
  // Has a task that is going to be on this shard wait for the writers of its inputs, if its stage joins a stream with a
  // table: only there it matters which input is further. Threads: any.
  void await_writers(const engine::StagePlan& stage, const std::string& query_id, Shard& shard,
                     std::span<engine::Task::Input> inputs, ShardTask& task) const;

  Shard& shard_for(const std::string& query_id, int32_t partition);
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
  // A task that is going to be: its place in the query, and what it reads.
  struct Place {
    const Launch* launch;
    size_t query;  // index of the launch
    int stage;
    int32_t number;
    std::string id;
    std::vector<engine::Task::Input> inputs;
    storage::TaskStart begun;
    std::unique_ptr<ShardTask> built;
    std::optional<ReplicatedJournals::Term> term = {};  // of a cluster's query that this node runs
  };
  static Result<std::string> task_id(const engine::QueryPlan& plan, size_t stage, int32_t number);
  Status make_exchanges(const DefinedQuery& defined, const storage::TopicSnapshot& topics);
  // Fails when the query cannot have all of its tasks.
  static Status place(const Launch& launch, size_t index, const storage::TopicSnapshot& topics,
                      std::vector<Place>& places);
  // Of a query of which a task is lost none begins.
  void find_lost(std::span<const Place> places, std::vector<Status>& results) const;
  // Fails when none has begun.
  Status begin_tasks(std::span<Place> places, std::vector<Status>& results);
  // What their journals hold of the tasks that begin; of a journal that cannot be read, why.
  using Tails = std::map<PartitionId, Result<std::shared_ptr<const JournalTail>>>;
  Tails read_journals(std::span<const Place> places);
  Status build(Place& place, const Tails& tails, const storage::TopicSnapshot& topics,
               const GivesWay& gives_way);
  bool is_shared(const DefinedQuery& defined) const {
    return journals_ != nullptr && defined.journal.has_value();
  }
  // What unclean elections have done to the query: why it cannot go on; of a declared table, which each node keeps for
  // itself, nothing is left afterwards that was made before. Fails with QueryCanceled where it has to wait for that.
  Status face_losses(const DefinedQuery& defined);
  Status renew_table(const DefinedQuery& defined, const PartitionElections& elections);
  // Partitions are here as their leaders have them since. Fails with QueryCanceled where they are not yet.
  Status check_follows(const PartitionElections& elections) const;
  // Of journals with replicas of which this node has missed something: their queries begin anew from a snapshot.
  Status install_if_behind(PartitionId journal);
  Status install(PartitionId journal, const storage::FoundSnapshot& snapshot);
  // Of queries that are shared with other nodes: they do nothing here from then on, and what they have committed is
  // known, in those journals that it gives back; the queries of the others fail.
  std::set<PartitionId> settle(std::span<const Launch> launches, std::vector<Status>& results);
  bool settle(PartitionId journal, std::span<const size_t> its_launches,
              std::span<const Launch> launches, std::vector<Status>& results);
  // A query that was replaced goes back to no plan that it had before. Fails with QueryCanceled.
  Status check_newest(const DefinedQuery& defined) const;
  void tell_journals(std::span<const Launch> launches, std::span<Place> places,
                     const std::vector<Status>& results);
  ProducerId producer_of(const Place& place) const;
  // What a task that this node runs reads must be here. Fails with NotSupported.
  Status check_replicas(const Place& place) const;
  Status check_goes_on(const GivesWay& gives_way) const;
  // How one partition of an input is taken.
  static engine::Task::Input task_input(const DefinedQuery& defined, const StageInput& input,
                                        PartitionId partition);
  static Status add_inputs(const DefinedQuery& defined, const StageInput& input,
                           PartitionId partition, const storage::TopicSnapshot& topics,
                           std::vector<engine::Task::Input>& inputs);
  void build_all(std::span<Place> places, const storage::TopicSnapshot& topics,
                 const GivesWay& gives_way, std::vector<Status>& results);
  void expect_tasks(std::span<const Place> places) const;
  void hand_over(std::vector<Place> places);
  Shard& owner_of(PartitionId journal) const;
  void deal_out_journals();
  // On as many threads as there are shards: at a start there may be ten thousand tasks.
  void for_all(size_t count, const std::function<void(size_t)>& work) const;

  storage::Log& log_;
  storage::StateStore& state_;
  const Clock& clock_;
  const std::vector<Shard*> shards_;
  const FindTopics find_topics_;
  const std::atomic<bool>& must_stop_;  // a start with much state to restore looks at it
  const std::shared_ptr<CheckpointLane> lane_;
  FindProcessingLog find_processing_log_;
  const engine::SchemaLookup* schemas_ = nullptr;
  std::set<std::string> on_shards_;  // queries that may have tasks there
  RecoveredCounts recovered_;
  QueryProgress progress_;
  bool joins_wait_ = true;
  ReplicatedJournals* journals_ = nullptr;  // none where the node is alone
  HasReplica has_replica_;
  FindElections find_elections_;          // likewise
  std::optional<RenewedTables> renewed_;  // read when it is needed first
  std::atomic<bool> shards_run_ = false;
};

}  // namespace server
