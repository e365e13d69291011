// Applies the commits in the replicated journals to this node's own log. The leader of a journal
// decides its commits; any node may be that leader (docs/adr/0066).
#pragma once
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "server/metadata/image.h"
#include "server/net/loop.h"
#include "server/tasks/commit_batch.h"
#include "server/tasks/replicated_sink.h"
#include "server/tasks/shard.h"
#include "storage/log/log.h"
#include "storage/log/log_reader.h"
#include "storage/log/replica_log.h"
#include "storage/meta/cluster_table.h"
#include "storage/replica/journal_entry.h"
#include "storage/replica/journal_snapshot.h"

namespace server {

// Every node with replicas of the journals applies the same commits in the same order. It writes
// the tasks' entries to its own task journal, and their outputs for the next stage to its own
// exchanges. So each of these nodes always has the state of all tasks, in the same form as a single
// node. A node that becomes the leader of a journal continues from its own copy of this state.
//
// The log commit that applies commits of a journal also stores this node's position in the journal.
// Commits of dropped queries are skipped. If the query of a commit is not defined on this node yet,
// this commit and all later ones of the journal wait. If this node cannot run a query, because its
// program cannot read the definition or an input was deleted, the query does not block others: its
// commits from other nodes are still applied, so that it can continue on a node that can run it.
//
// If a part of the journal was trimmed before this node has read it, the node is restored from a
// snapshot in the journal (docs/adr/0081).
//
// Threads: any. The shards are notified of applied commits on the log's thread.
// Owner:   the node. The shards outlive this object; the log's writer does not. At the end the owner
//          calls stop_thread(), closes the log, and destroys this object.
class ReplicatedJournals {
 public:
  using Term = JournalProposals::Term;
  using FindImage = std::function<MetadataImagePtr()>;
  // Receives the ids of queries that have moved to this node or away from it, so that their tasks
  // must be built again.
  using OnChange = std::function<void(std::vector<std::string> queries)>;
  static Result<std::unique_ptr<ReplicatedJournals>> open(storage::Log& log, const Clock& clock,
                                                          std::vector<Shard*> shards,
                                                          JournalProposals& proposals,
                                                          FindImage image, OnChange on_change);
  ~ReplicatedJournals();
  // Sets the function that returns the newest unclean election of a journal (docs/adr/0089). Called
  // before start_thread().
  using FindElection = std::function<std::optional<storage::UncleanElection>(PartitionId journal)>;
  void set_elections(FindElection find) { find_election_ = std::move(find); }
  void start_thread();
  void stop_thread();

  // Called when partitions have new records. Partitions that are not replicated journals are
  // ignored.
  void grown(std::span<const storage::TopicPartition> partitions);

  // Called when this node has become the leader of the journal. It decides the journal's commits
  // until closed() is called.
  void opened(PartitionId journal, Term term);
  void closed(PartitionId journal);
  JournalProposals& proposals() { return proposals_; }

  // --- Building tasks
  // Pauses the application of commits. While this object exists, no commit of these journals is
  // applied. When its constructor returns, the shards have been notified of all commits that were
  // applied before.
  class Pause {
   public:
    Pause(ReplicatedJournals& journals, std::set<PartitionId> which);
    ~Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    ReplicatedJournals& journals_;
    const std::set<PartitionId> which_;
  };
  // The plans with which the query was started on this node: `made_at` is the revision of the first
  // plan, `newest` that of the last one. Commits under plans in this range belong to the query. A
  // commit under a later plan waits until this node has started that plan, too (docs/adr/0101).
  struct Plans {
    Revision made_at, newest;
    bool have(Revision planned_at) const { return made_at <= planned_at && planned_at <= newest; }
  };
  // The shard of a task, and the task epoch under which the task's commits are applied from now on.
  struct LocalTask {
    Plans plans;  // plans of the task's query
    TaskEpoch epoch;
    Shard* shard = nullptr;
    bool runs = true;  // false: the query cannot run here, so its exchanges may be missing
  };
  void set_task(const std::string& task, LocalTask local);
  // Records that the query cannot run here. With Keeps, its commits are still applied. With
  // Damaged, its data on this node is damaged, so its commits are skipped.
  enum class Failed : uint8_t { Keeps, Damaged };
  void cannot_run(const std::string& query_id, Plans plans, Failed how);
  void forget(const std::string& query_id);
  // Returns whether this node has read a command that gives the query a newer plan.
  bool knows_newer_plan(const DefinedQuery& query) const;
  // Returns the term in which this node leads the journal and runs its tasks. Returns nothing if
  // another node runs them, or if commits from before the term still have to be applied.
  std::optional<Term> term(PartitionId journal) const;
  // Waits until all commits that were proposed in the present term before the call have been
  // applied. Fails with QueryCanceled if that takes too long.
  Status settle(PartitionId journal);

  // Calls `done` on the loop when all commits before `end` have been applied and each shard has
  // received the commits of its tasks. If `receiver` has expired, `done` is not called.
  void when_carried_out(PartitionId journal, Offset end, const std::weak_ptr<const void>& receiver,
                        std::function<void(Status)> done);
  // Returns an offset such that all outputs of commits before it are delivered, according to the
  // part of the journal that this node has read.
  Offset first_needed(PartitionId journal) const;
  // Returns the offset of the first commit that this node has not applied yet. If an error has
  // stopped the journal on this node, returns INT64_MAX, because the node then needs no further
  // commits.
  Offset first_not_carried_out(PartitionId journal) const;

  // --- Snapshots
  // The queries whose tasks a snapshot of a journal has to contain, and the place in the journal up to which it
  // contains their commits.
  struct Contents {
    Term term;
    storage::JournalPlace place;
    std::vector<DefinedQueryPtr> queries;
    std::vector<std::string> tasks;
  };
  // Returns the position and the tasks for a snapshot. `pause` prevents commits from being applied
  // meanwhile. Returns nothing if this node does not have the state of all queries of the journal.
  std::optional<Contents> contents(const Pause& pause, PartitionId journal) const;
  // Returns the size of the last snapshot that this node has read in the journal or was restored
  // from.
  size_t snapshot_bytes(PartitionId journal) const;
  // Returns the snapshot from which this node must be restored; nothing if no restore is needed.
  // The caller installs it, and calls installed() when the contents are durable here and this node
  // has no other data of the journal's queries. After that, the tasks of these queries are built.
  std::optional<storage::FoundSnapshot> to_install(PartitionId journal) const;
  Status installed(PartitionId journal, const storage::FoundSnapshot& snapshot);
  void search_again(PartitionId journal);
  // Returns the revision of the metadata that this node has applied, and the queries of the journal
  // at that revision.
  std::pair<Revision, std::vector<DefinedQueryPtr>> queries_in(PartitionId journal) const;

 private:
  struct Waiter {
    Offset end;
    std::weak_ptr<const void> receiver;
    std::function<void(Status)> done;
  };
  struct Journal {
    storage::JournalPlace place = {};
    // Sizes of the last complete snapshot and of the snapshot that is being read.
    size_t snapshot_bytes = 0, begun_bytes = 0;
    LeaderEpoch unclean = {};  // epoch that began with the last unclean election before `place`
    std::optional<storage::FoundSnapshot> to_install = {};
    // time of the next search for a snapshot, if the node has missed a trimmed part
    int64_t search_at_us = 0;
    bool is_under_way = false;
    int paused = 0;
    std::optional<Error> broken = {};
    std::optional<Term> term = {};  // set by opened()
    // the tasks may run when all commits before this offset are applied
    Offset opens_at = {};
    bool is_open = false;  // the tasks may run: all commits before opens_at are applied
    std::vector<Waiter> waiters = {};
  };
  // The commits that one transaction of the log applies.
  struct Portion {
    CommitBatch commits;
    storage::JournalPlace place;
    size_t snapshot_bytes = 0, begun_bytes = 0;
    LeaderEpoch unclean = {};
    bool waits = false;  // the next commit has to wait until its query is defined or started
    // The next commit needs this task and these exchanges. The node lacks them, because the query
    // does not run here.
    struct Missing {
      std::string task;
      Revision planned_at;
      std::vector<storage::TopicPartition> exchanges;
    };
    std::optional<Missing> missing = {};
  };
  enum class Verdict : uint8_t { CarryOut, LeaveOut, Keep, Wait };

  ReplicatedJournals(storage::Log& log, const Clock& clock, std::vector<Shard*> shards,
                     JournalProposals& proposals, FindImage image, OnChange on_change);
  Status read_places();
  void pump_all();
  void pump(PartitionId number, Journal& journal);
  Result<Portion> read(PartitionId number, const Portion& from);
  Status check_chain(PartitionId number, const storage::JournalPlace& place, Offset log_start);
  void note_piece(std::string_view batch, Portion& portion) const;
  // Returns whether a part of the journal that this node has not read yet has been trimmed.
  bool is_behind(PartitionId number, Offset next) const;
  Status begin_anew(PartitionId number, Journal& journal);
  Status write_place(PartitionId number, const storage::FoundSnapshot& snapshot);
  std::vector<storage::TopicPartition> missing_exchanges(
      const storage::ReplicatedCommit& commit) const;
  void make_missing(PartitionId number, const Portion::Missing& missing);
  void made_missing(PartitionId number, const Portion::Missing& missing,
                    Result<storage::TaskStarts> begun);
  // Ends the work in progress on the journal. With an error `why`, no further commits of the
  // journal are applied, unless an unclean election later makes this node read the journal again.
  void rest(PartitionId number, std::optional<Error> why = {});
  Verdict judge(PartitionId number, const storage::ReplicatedCommit& commit,
                LocalTask& local) const;
  std::optional<storage::UncleanElection> election_of(PartitionId number) const;
  // Returns whether the journal must be read again, because an unclean election may have replaced
  // commits that this node has applied.
  bool is_lost(PartitionId number, const Journal& journal) const;
  // Returns the position from which the journal is read again after the election. Returns nothing
  // until the local replica has the contents of the new leader.
  Result<std::optional<Portion>> begin_after(PartitionId number,
                                             const storage::UncleanElection& election) const;
  void carried_out(PartitionId number, const Portion& portion, const Status& applied);
  void open_if_due(PartitionId number, Journal& journal);
  void tell_waiters(std::vector<Waiter> reached);
  std::vector<std::string> queries_of(PartitionId journal) const;
  void schedule_check();

  storage::Log& log_;
  const Clock& clock_;
  const std::vector<Shard*> shards_;
  JournalProposals& proposals_;
  const FindImage image_;
  const OnChange on_change_;
  FindElection find_election_;  // null: not set
  Loop loop_{"journals"};
  std::unique_ptr<storage::LogReader> reader_;
  storage::ReplicaLog replicas_;
  std::unique_ptr<Timer> timer_;
  std::thread thread_;

  mutable std::mutex mutex_;
  std::condition_variable settled_;
  // Guarded by mutex_
  bool is_posted_ = false, is_stopping_ = false;
  std::map<PartitionId, Journal> journals_;
  std::map<std::string, LocalTask> tasks_;
  struct CannotRun {
    Plans plans;
    Failed how;
  };
  std::map<std::string, CannotRun> cannot_run_;  // queries by id
};

inline ReplicatedJournals::Plans plans_of(const DefinedQuery& query) {
  return {query.made_at, query.planned_at};
}

}  // namespace server
