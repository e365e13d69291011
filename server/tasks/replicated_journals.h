// Journals with replicas, as this node has them: what was committed there is carried out in the node's own log, by
// whoever it was decided (docs/adr/0066).
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
#include "server/tasks/proposed_commits.h"
#include "server/tasks/shard.h"
#include "storage/log/carry_out.h"
#include "storage/log/log.h"
#include "storage/log/log_reader.h"
#include "storage/log/replica_log.h"
#include "storage/meta/cluster_table.h"
#include "storage/replica/journal_entry.h"
#include "storage/replica/journal_snapshot.h"

namespace server {

// Every node that has replicas of the journals does the same, in the same order: the entries of tasks go into its own
// journal, what they send to the next stage into its own exchanges. So each of them has the state of all tasks at any
// time, in its checkpoints and journals, as a single node has, and whoever comes to lead a journal goes on from there.
//
// Where it has come to is written in the same commit. What is of a query that is no more is left out; what is of one that
// is not defined here yet is waited for. One that cannot run here, since this program cannot read it or what it reads is
// gone, stops nobody: what it has committed elsewhere is carried out all the same, so that it can go on where it can run again.
//
// A node that has missed what is trimmed by now begins anew, from a snapshot that lies in the journal (docs/adr/0081).
//
// Threads: any. What is carried out is told to
//          the shards on the log's thread.
// Owner:   the node. The shards outlive it, the log's writer does not: stop_thread(), then the log is closed, then it goes.
class ReplicatedJournals {
 public:
  using Term = JournalProposals::Term;
  using FindImage = std::function<MetadataImagePtr()>;
  // Queries whose tasks are to be built anew: others own them now, or this node does.
  using OnChange = std::function<void(std::vector<std::string> queries)>;
  static Result<std::unique_ptr<ReplicatedJournals>> open(storage::Log& log, const Clock& clock,
                                                          std::vector<Shard*> shards,
                                                          JournalProposals& proposals,
                                                          FindImage image, OnChange on_change);
  ~ReplicatedJournals();
  // The newest unclean election of a journal, as of now (docs/adr/0089). Before start_thread().
  using FindElection = std::function<std::optional<storage::UncleanElection>(PartitionId journal)>;
  void set_elections(FindElection find) { find_election_ = std::move(find); }
  void start_thread();
  void stop_thread();

  // Those of a journal have grown.
  void grown(std::span<const storage::TopicPartition> partitions);

  // This node decides what is committed there from now on; until closed().
  void opened(PartitionId journal, Term term);
  void closed(PartitionId journal);
  JournalProposals& proposals() { return proposals_; }

  // --- Tasks that are built
  // While it lives nothing of these journals is carried out, and what was is known to the shards.
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
  // Which commits are a query's, as far as this node has begun it: a replaced one keeps what it has committed by the plans of
  // before. What was committed by a later one waits until that has begun here, too (docs/adr/0101).
  struct Plans {
    Revision made_at, newest;
    bool have(Revision planned_at) const { return made_at <= planned_at && planned_at <= newest; }
  };
  // From now on commits of this task are carried out under that epoch.
  struct LocalTask {
    Plans plans;  // of its query
    TaskEpoch epoch;
    Shard* shard = nullptr;
    bool runs = true;  // or its query cannot: nobody has made its exchanges
  };
  void set_task(const std::string& task, LocalTask local);
  // The query cannot run here. What it commits is carried out, unless what is here of it is damaged: then it is left out.
  enum class Failed : uint8_t { Keeps, Damaged };
  void cannot_run(const std::string& query_id, Plans plans, Failed how);
  void forget(const std::string& query_id);
  // It was replaced by a command that this node has read.
  bool knows_newer_plan(const DefinedQuery& query) const;
  // Under which term the tasks of a journal run here: nothing where others own them, or where not all is carried out yet.
  std::optional<Term> term(PartitionId journal) const;
  // Waits until what was proposed before under the term that is now has been carried out, and not for what comes
  // meanwhile. Fails with QueryCanceled when that takes long.
  Status settle(PartitionId journal);

  // Calls back when all before `end` has been carried out, and each shard has what is of its tasks. On the loop.
  void when_carried_out(PartitionId journal, Offset end, const std::weak_ptr<const void>& interest,
                        std::function<void(Status)> done);
  // What commits before that have sent is delivered: as far as this node has read.
  Offset first_needed(PartitionId journal) const;
  // Where what this node has yet to carry out begins.
  Offset first_not_carried_out(PartitionId journal) const;

  // --- Snapshots
  // What there is to be written down, while nothing is carried out. Nothing where this node does not have all of it.
  struct Contents {
    Term term;
    storage::JournalPlace place;
    std::vector<DefinedQueryPtr> queries;
    std::vector<std::string> tasks;
  };
  std::optional<Contents> contents(const Pause& pause, PartitionId journal) const;
  // Of the last one that this node has read, or begun anew from.
  size_t snapshot_bytes(PartitionId journal) const;
  // From which this node is to begin anew: then installed() tells that what it contains is durable here, and that nothing
  // else is here of the journal's queries. Their tasks are built behind that.
  std::optional<storage::FoundSnapshot> to_install(PartitionId journal) const;
  Status installed(PartitionId journal, const storage::FoundSnapshot& snapshot);
  void search_again(PartitionId journal);
  // Those of a journal, as of a revision of the metadata.
  std::pair<Revision, std::vector<DefinedQueryPtr>> queries_in(PartitionId journal) const;

 private:
  struct Waiter {
    Offset end;
    std::weak_ptr<const void> interest;
    std::function<void(Status)> done;
  };
  struct Journal {
    storage::JournalPlace place = {};
    size_t snapshot_bytes = 0,
           begun_bytes = 0;  // of the last one that is whole; of the one that is being read
    LeaderEpoch unclean = {};  // began with an unclean election: the place is of the log since then
    std::optional<storage::FoundSnapshot> to_install = {};
    int64_t search_at_us = 0;  // a snapshot, where this node is behind
    bool is_under_way = false;
    int paused = 0;
    std::optional<Error> broken = {};
    std::optional<Term> term = {};  // opened
    Offset opens_at = {};           // all before it is to be carried out first
    bool is_open = false;           // and was
    std::vector<Waiter> waiters = {};
  };
  // What one commit of the log carries out.
  struct Portion {
    std::vector<storage::TaskCommit> commits;
    struct Told {
      Shard* shard;
      std::shared_ptr<const storage::ReplicatedCommit> commit;
    };
    std::vector<Told> told;
    storage::JournalPlace place;
    size_t snapshot_bytes = 0, begun_bytes = 0;
    LeaderEpoch unclean = {};
    bool waits = false;  // for a query to be defined or started
    // What the next commit needs first, of a query that does not run here.
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
  // Whether the node has missed what is trimmed by now.
  bool is_behind(PartitionId number, Offset next) const;
  Status begin_anew(PartitionId number, Journal& journal);
  Status write_place(PartitionId number, const storage::FoundSnapshot& snapshot);
  std::vector<storage::TopicPartition> missing_exchanges(
      const storage::ReplicatedCommit& commit) const;
  void make_missing(PartitionId number, const Portion::Missing& missing);
  void made_missing(PartitionId number, const Portion::Missing& missing,
                    Result<storage::TaskStarts> begun);
  // What is under way of the journal has ended; with an error for good.
  void rest(PartitionId number, std::optional<Error> why = {});
  Verdict judge(PartitionId number, const storage::ReplicatedCommit& commit,
                LocalTask& local) const;
  std::optional<storage::UncleanElection> election_of(PartitionId number) const;
  // What was carried out may be in the journal no more, and what has come in its place was not.
  bool is_lost(PartitionId number, const Journal& journal) const;
  // Nothing while the journal here is not yet as its new leader has it.
  Result<std::optional<Portion>> begin_after(PartitionId number,
                                             const storage::UncleanElection& election) const;
  void carried_out(PartitionId number, const Portion& portion,
                   const Result<storage::CarriedOut>& result);
  void open_if_due(PartitionId number, Journal& journal);
  void tell_waiters(std::vector<Waiter> reached);
  std::vector<std::string> queries_of(PartitionId journal) const;
  void look_again_soon();

  storage::Log& log_;
  const Clock& clock_;
  const std::vector<Shard*> shards_;
  JournalProposals& proposals_;
  const FindImage image_;
  const OnChange on_change_;
  FindElection find_election_;  // null: there is none
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
  std::map<std::string, CannotRun> cannot_run_;  // by query
};

inline ReplicatedJournals::Plans plans_of(const DefinedQuery& query) {
  return {query.made_at, query.planned_at};
}

}  // namespace server
