// Makes the tasks of persistent queries out of what is durable, and hands them to the shards.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "server/metadata/query_runner.h"
#include "server/tasks/shard.h"
#include "storage/log/log.h"
#include "storage/state/state_store.h"

namespace server {

struct RecoveredCounts {
  uint64_t tasks = 0, table_rows = 0;
};

// Threads: those of QueryRunner on the metadata thread; keeper_count() and shards() on any.
// Owner:   the node; the shards, the log and the state store outlive it.
class QueryTasks final : public QueryRunner {
 public:
  QueryTasks(storage::Log& log, storage::StateStore& state, const Clock& clock,
             std::vector<Shard*> shards, CheckpointPace checkpoint_pace)
      : log_(log),
        state_(state),
        clock_(clock),
        shards_(std::move(shards)),
        checkpoint_pace_(checkpoint_pace) {}

  Status start(const DefinedQuery& defined) override;
  void stop(const DefinedQuery& defined, Keep keep) override;
  void pause(const std::string& query_id, bool is_paused) override;
  Status rebuild(const DefinedQuery& defined, const Error& error, bool was_careful) override;

  // How many tasks keep the query's table when all of them run. Any thread.
  size_t keeper_count(const DefinedQuery& defined) const;

  Shard& shard_for(const std::string& query_id, int32_t partition);
  const std::vector<Shard*>& shards() const { return shards_; }
  const RecoveredCounts& recovered() const { return recovered_; }

 private:
  struct StageInput {
    uint32_t index;
    Uuid topic;
    const engine::InputStep* step;
  };
  Result<std::vector<StageInput>> inputs_of(const DefinedQuery& defined,
                                            const engine::StagePlan& stage) const;
  Result<engine::StageEnd> end_of(const DefinedQuery& defined,
                                  const engine::StagePlan& stage) const;
  // Task `number` of the stage, which reads these partitions.
  Status start_task(const DefinedQuery& defined, int stage, int32_t number,
                    const std::vector<int32_t>& partitions, const std::vector<StageInput>& inputs,
                    engine::TaskOptions options);
  Status start_with(const DefinedQuery& defined, engine::TaskOptions options);
  // How one partition of an input is taken.
  engine::Task::Input task_input(const DefinedQuery& defined, const StageInput& input,
                                 PartitionId partition) const;
  int32_t partition_count(const Uuid& topic) const;
  void remove_tasks(const std::string& query_id);

  storage::Log& log_;
  storage::StateStore& state_;
  const Clock& clock_;
  const std::vector<Shard*> shards_;
  const CheckpointPace checkpoint_pace_;
  RecoveredCounts recovered_;
};

}  // namespace server
