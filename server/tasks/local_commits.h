// The commits of queries that this node does not share with other nodes. Each commit, with its
// outputs, is one transaction of this node's log.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "server/tasks/commit_path.h"

namespace server {

class QueryTasks;

// The log has the only replica of the journals of these queries. So a commit is visible when it is
// durable, and all commits before the log end are applied.
//
// Threads and owner: as for CommitPath. `tasks` outlives the object.
class LocalCommits final : public CommitPath {
 public:
  explicit LocalCommits(QueryTasks& tasks) : tasks_(tasks) {}

  std::unique_ptr<Start> prepare(std::span<const QueryLaunch> launches,
                                 std::vector<Status>& results) override;
  Result<TaskRole> role_of(const TaskPlace& place, Shard& shard) override;
  void forget(const std::string&) override {}
  bool shows_outputs_with_commits() const override { return true; }
  bool may_run_elsewhere(const DefinedQuery&) const override { return false; }
  void when_applied(PartitionId journal, Offset end, const std::weak_ptr<const void>& receiver,
                    std::function<void(Status)> done) override;

 private:
  QueryTasks& tasks_;
};

}  // namespace server
