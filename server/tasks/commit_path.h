// Defines how the commits of a query's tasks become durable and visible. QueryTasks, shards and
// sessions use this interface, so their code is the same whether or not the query is shared with
// other nodes.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/exec/ports.h"
#include "engine/exec/task.h"
#include "server/metadata/image.h"
#include "server/tasks/replicated_sink.h"
#include "server/tasks/restart_schedule.h"
#include "storage/log/requests.h"

namespace server {

class Shard;
struct ShardTask;

// A query whose tasks are to be built.
struct QueryLaunch {
  std::shared_ptr<const DefinedQuery> defined;
  uint64_t run = 0;  // number of the query's run; its tasks report it when they fail
  RunMode mode = RunMode::Batches;
  bool is_paused = false;
};

// A task that is to be built: its query and its position in the query.
struct TaskPlace {
  const QueryLaunch* launch;
  size_t query;  // index of `launch` among the launches of this start
  int stage;
  int32_t number;
  std::string id;
  std::vector<engine::Task::Input> inputs;
  storage::TaskStart begun;
  std::unique_ptr<ShardTask> built;
  // Set if this node runs the task of a query that it shares with other nodes.
  std::optional<JournalProposals::Term> term = {};
};

// The sink and the producer with which a task commits.
struct TaskRole {
  // Receives the task's commits. Null if another node runs the task: its commits are then only
  // applied here, so that its table can be read.
  engine::Sink* sink = nullptr;
  std::unique_ptr<ReplicatedSink> own_sink = {};  // set if `sink` serves only this task
  ProducerId producer;                            // producer of the task's outputs
};

// Threads: one start at a time, on a thread that may wait (QuerySupervisor ensures it); the calls
//          below "Any thread" on any. Owner: QueryTasks.
class CommitPath {
 public:
  virtual ~CommitPath() = default;

  // A start of queries that is in progress. While this object exists, commits of these queries from
  // other nodes are not applied.
  class Start {
   public:
    virtual ~Start() = default;
    // Called when the tasks in `places` have begun in the log. Sets TaskPlace::term of the shared
    // queries.
    virtual void tasks_have_begun(std::span<const QueryLaunch> launches,
                                  std::span<TaskPlace> places,
                                  const std::vector<Status>& results) = 0;
  };
  // Waits until the log contains all decided commits of the queries. If a query cannot start now,
  // sets its element of `results` to the reason.
  virtual std::unique_ptr<Start> prepare(std::span<const QueryLaunch> launches,
                                         std::vector<Status>& results) = 0;
  // Returns the role of a task that has begun. Fails with QueryCanceled if this node cannot build
  // the task yet. Called on several threads at the same time.
  virtual Result<TaskRole> role_of(const TaskPlace& place, Shard& shard) = 0;
  // Removes the query, which is being dropped and has no tasks.
  virtual void forget(const std::string& query_id) = 0;

  // --- Any thread
  // Returns whether the outputs of a commit are visible on this node as soon as the commit is. If
  // not, readers of a topic cannot wait for the positions of the queries that write the topic.
  virtual bool shows_outputs_with_commits() const = 0;
  // Returns whether another node may continue the query.
  virtual bool may_run_elsewhere(const DefinedQuery& defined) const = 0;
  // Calls `done` when all commits of the journal before `end` have been applied on this node, and
  // each shard has received the commits of its tasks. If `receiver` has expired, `done` is not
  // called.
  virtual void when_applied(PartitionId journal, Offset end,
                            const std::weak_ptr<const void>& receiver,
                            std::function<void(Status)> done) = 0;
};

}  // namespace server
