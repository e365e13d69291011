// The commits of queries that a node shares with the other nodes of its cluster: each query belongs
// to a replicated journal (docs/adr/0066).
#pragma once
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "server/tasks/local_commits.h"
#include "server/tasks/query_tasks.h"
#include "server/tasks/replicated_journals.h"
#include "storage/log/log.h"
#include "storage/state/state_store.h"

namespace server {

// Tables that each node keeps for itself have no replicated journal; their commits are local.
//
// Threads and owner: as for CommitPath. The journals, the log, the state store and `tasks` outlive
//          this object.
class ReplicatedCommits final : public CommitPath {
 public:
  ReplicatedCommits(ReplicatedJournals& journals, QueryTasks& tasks, storage::Log& log,
                    storage::StateStore& state, QueryTasks::HasReplica has_replica)
      : journals_(journals),
        tasks_(tasks),
        log_(log),
        state_(state),
        has_replica_(std::move(has_replica)),
        local_(tasks) {}

  std::unique_ptr<Start> prepare(std::span<const QueryLaunch> launches,
                                 std::vector<Status>& results) override;
  Result<TaskRole> role_of(const TaskPlace& place, Shard& shard) override;
  void forget(const std::string& query_id) override { journals_.forget(query_id); }
  // False even for queries with local commits, because another node may run the query that writes
  // the topic which they read.
  bool shows_outputs_with_commits() const override { return false; }
  bool may_run_elsewhere(const DefinedQuery& defined) const override { return is_shared(defined); }
  void when_applied(PartitionId journal, Offset end, const std::weak_ptr<const void>& receiver,
                    std::function<void(Status)> done) override {
    journals_.when_carried_out(journal, end, receiver, std::move(done));
  }

 private:
  class SharedStart;
  static bool is_shared(const DefinedQuery& defined) { return defined.journal.has_value(); }
  // If this node has missed a part of a replicated journal, restores the queries of the journal
  // from a snapshot in the journal.
  Status install_if_behind(PartitionId journal);
  Status install(PartitionId journal, const storage::FoundSnapshot& snapshot);
  // The queries have no tasks on this node yet. Waits until all of their commits in the journal
  // have been applied here. Returns whether this has succeeded and at least one of the queries can
  // start.
  bool settle(PartitionId journal, std::span<const size_t> its_launches,
              std::span<const QueryLaunch> launches, std::vector<Status>& results);
  // Fails with QueryCanceled if the query was replaced in the meantime, because it must not start
  // with its old plan.
  Status check_newest(const DefinedQuery& defined) const;
  // If an unclean election has ended the query, fails with the reason.
  Status check_losses(const DefinedQuery& defined);
  // Fails with QueryCanceled if this node lacks a replica of one of the task's inputs.
  Status check_replicas(const TaskPlace& place) const;

  ReplicatedJournals& journals_;
  QueryTasks& tasks_;
  storage::Log& log_;
  storage::StateStore& state_;
  const QueryTasks::HasReplica has_replica_;
  LocalCommits local_;
};

}  // namespace server
