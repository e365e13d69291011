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
// node. A node that becomes the leader of a journal continues from this state.
//
// The node's position in a journal is written in the same commit of the log. Commits of dropped
// queries are skipped. If a commit's query is not defined here yet, the commit and all later
// commits of the journal wait. A query may be unable to run here, because this program cannot read
// it or its input is deleted. It does not block other queries: its commits from other nodes are
// still applied, so that it can continue on a node where it can run.
//
// If a node has missed a part of the journal that is trimmed, it is restored from a snapshot in the
// journal (docs/adr/0081).
//
// Threads: any. The shards are notified of applied commits on the log's thread.
// Owner:   the node. The shards outlive it; the log's writer does not: stop_thread() is called,
//          then the log is closed, then this object is destroyed.
class ReplicatedJournals {
 public:
  using Term = JournalProposals::Term;
  using FindImage = std::function<MetadataImagePtr()>;
  // Receives the ids of queries whose tasks must be built again, because the node that runs them
  // has changed from or to this node.
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

  // Notes that partitions have new records. Partitions other than those of replicated journals are
  // ignored.
  void grown(std::span<const storage::TopicPartition> partitions);

  // Notes that this node leads the journal and decides its commits from now on, until closed().
  void opened(PartitionId journal, Term term);
  void closed(PartitionId journal);
  JournalProposals& proposals() { return proposals_; }

  // --- Building tasks
  // Pauses the application of commits. As long as this object exists, no commit of these journals
  // is applied. When the constructor returns, the shards have been notified of all applied commits.
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
  // The revisions of the plans whose commits belong to the query as it was started here. A replaced
  // query keeps its commits under earlier plans. Commits under a later plan wait until that plan
  // has started here, too (docs/adr/0101).
  struct Plans {
    Revision made_at, newest;
    bool have(Revision planned_at) const { return made_at <= planned_at && planned_at <= newest; }
  };
  // The task epoch under which commits of a task are applied from now on, and the task's shard.
  struct LocalTask {
    Plans plans;  // plans of the task's query
    TaskEpoch epoch;
    Shard* shard = nullptr;
    bool runs = true;  // false: the query cannot run here, so its exchanges may be missing
  };
  void set_task(const std::string& task, LocalTask local);
  // Records that the query cannot run here. Keeps: its commits are still applied. Damaged: its data
  // on this node is damaged, so its commits are skipped.
  enum class Failed : uint8_t { Keeps, Damaged };
  void cannot_run(const std::string& query_id, Plans plans, Failed how);
  void forget(const std::string& query_id);
  // Returns whether this node has read a command that gives the query a newer plan.
  bool knows_newer_plan(const DefinedQuery& query) const;
  // Returns the term under which the journal's tasks run here. Returns nothing if another node runs
  // them, or while commits from before the term are still to be applied.
  std::optional<Term> term(PartitionId journal) const;
  // Waits until all proposals of the present term that were made before the call are applied. Fails
  // with QueryCanceled if that takes long.
  Status settle(PartitionId journal);

  // Calls `done` on the loop when all commits before `end` are applied and each shard has received
  // those of its tasks. Does not call it if `receiver` has expired.
  void when_carried_out(PartitionId journal, Offset end, const std::weak_ptr<const void>& receiver,
                        std::function<void(Status)> done);
  // Returns an offset before which the outputs of all commits are delivered, according to the part
  // of the journal that this node has read.
  Offset first_needed(PartitionId journal) const;
  // Returns the offset of the first commit that this node has not applied yet. Returns INT64_MAX if
  // an error has stopped the journal here, because the node then needs no commits.
  Offset first_not_carried_out(PartitionId journal) const;

  // --- Snapshots
  // The position and the tasks that a snapshot of a journal is to contain.
  struct Contents {
    Term term;
    storage::JournalPlace place;
    std::vector<DefinedQueryPtr> queries;
    std::vector<std::string> tasks;
  };
  // Returns the contents for a snapshot, while `pause` prevents commits from being applied. Returns
  // nothing if this node does not have the state of all queries of the journal.
  std::optional<Contents> contents(const Pause& pause, PartitionId journal) const;
  // Returns the size of the last snapshot that this node has read in the journal or was restored
  // from.
  size_t snapshot_bytes(PartitionId journal) const;
  // Returns the snapshot from which this node must be restored; nothing if no restore is needed.
  // The caller calls installed() when the snapshot's contents are durable here and this node has no
  // other data of the journal's queries. The tasks of these queries are built after that.
  std::optional<storage::FoundSnapshot> to_install(PartitionId journal) const;
  Status installed(PartitionId journal, const storage::FoundSnapshot& snapshot);
  void search_again(PartitionId journal);
  // Returns the revision of the node's metadata, and the queries of the journal in them.
  std::pair<Revision, std::vector<DefinedQueryPtr>> queries_in(PartitionId journal) const;

 private:
  struct Waiter {
    Offset end;
    std::weak_ptr<const void> receiver;
    std::function<void(Status)> done;
  };
  struct Journal {
    storage::JournalPlace place = {};
    // Sizes of the last complete snapshot and of the one being read.
    size_t snapshot_bytes = 0, begun_bytes = 0;
    LeaderEpoch unclean = {};  // epoch that the last unclean election before `place` began
    std::optional<storage::FoundSnapshot> to_install = {};
    int64_t search_at_us = 0;  // if this node is behind: time of the next search for a snapshot
    bool is_under_way = false;
    int paused = 0;
    std::optional<Error> broken = {};
    std::optional<Term> term = {};  // set by opened()
    Offset opens_at = {};           // all commits before it must be applied first
    bool is_open = false;           // the tasks may run: all commits before opens_at are applied
    std::vector<Waiter> waiters = {};
  };
  // The commits that one transaction of the log applies.
  struct Portion {
    CommitBatch commits;
    storage::JournalPlace place;
    size_t snapshot_bytes = 0, begun_bytes = 0;
    LeaderEpoch unclean = {};
    bool waits = false;  // the next commit waits until a query is defined or started
    // The task and the exchanges that the next commit needs and this node lacks, because the query
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
  // Returns whether the node lacks a part of the journal that has been trimmed.
  bool is_behind(PartitionId number, Offset next) const;
  Status begin_anew(PartitionId number, Journal& journal);
  Status write_place(PartitionId number, const storage::FoundSnapshot& snapshot);
  std::vector<storage::TopicPartition> missing_exchanges(
      const storage::ReplicatedCommit& commit) const;
  void make_missing(PartitionId number, const Portion::Missing& missing);
  void made_missing(PartitionId number, const Portion::Missing& missing,
                    Result<storage::TaskStarts> begun);
  // Ends the work in progress on the journal. An error stops the application of the journal's
  // commits, unless an unclean election later makes this node read the journal again.
  void rest(PartitionId number, std::optional<Error> why = {});
  Verdict judge(PartitionId number, const storage::ReplicatedCommit& commit,
                LocalTask& local) const;
  std::optional<storage::UncleanElection> election_of(PartitionId number) const;
  // Returns whether the journal must be read again because of an unclean election that may have
  // replaced commits which this node has applied.
  bool is_lost(PartitionId number, const Journal& journal) const;
  // Returns the position from which the journal is read again after the election. Returns nothing
  // until the local replica has the new leader's contents.
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
