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
#include "storage/replica/journal_entry.h"

namespace server {

// Every node that has replicas of the journals does the same, in the same order: the entries of tasks go into its own
// journal, what they send to the next stage into its own exchanges. So each of them has the state of all tasks at any
// time, in its checkpoints and journals, as a single node has, and whoever comes to lead a journal goes on from there.
//
// Where it has come to is written in the same commit. What is of a query that is no more is left out; what is of one that
// is not defined here yet is waited for.
//
// Threads: any. What is carried out is told to
//          the shards on the log's thread.
// Owner:   the node. The shards and the log outlive it; stop_thread() comes before the log is closed.
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
  void start_thread();
  void stop_thread();

  // Those of a journal have grown.
  void grown(std::span<const storage::TopicPartition> partitions);

  // This node decides what is committed there from now on; until closed().
  void opened(PartitionId journal, Term term);
  void closed(PartitionId journal);
  JournalProposals& proposals() { return proposals_; }

  // --- Tasks that are built
  // While it lives nothing is carried out, and what was is known to the shards.
  class Pause {
   public:
    explicit Pause(ReplicatedJournals& journals);
    ~Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    ReplicatedJournals& journals_;
  };
  // From now on commits of this task are carried out under that epoch.
  struct LocalTask {
    Revision made_at;  // of its query
    TaskEpoch epoch;
    Shard* shard = nullptr;
  };
  void set_task(const std::string& task, LocalTask local);
  // Those of the query, which cannot run, are left out.
  void leave_out(const std::string& query_id, Revision made_at);
  void forget(const std::string& query_id);
  // Under which term the tasks of a journal run here: nothing where others own them, or where not all is carried out yet.
  std::optional<Term> term(PartitionId journal) const;
  // Waits until what was proposed before under the term that is now has been carried out. Fails with QueryCanceled when
  // that takes long.
  Status settle(PartitionId journal);

  // Calls back when all before `end` has been carried out, and each shard has what is of its tasks. On the loop.
  void when_carried_out(PartitionId journal, Offset end, const std::weak_ptr<const void>& interest,
                        std::function<void(Status)> done);
  // What commits before that have sent is delivered: as far as this node has read.
  Offset first_needed(PartitionId journal) const;

 private:
  struct Waiter {
    Offset end;
    std::weak_ptr<const void> interest;
    std::function<void(Status)> done;
  };
  struct Journal {
    Offset next;
    LeaderEpoch epoch{0};  // of the last batch before it
    Offset first_needed = {};
    bool is_under_way = false;
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
    Offset next, first_needed;
    LeaderEpoch epoch{0};
    bool waits = false;  // for a query to be defined or started
  };
  enum class Verdict : uint8_t { CarryOut, LeaveOut, Wait };

  ReplicatedJournals(storage::Log& log, const Clock& clock, std::vector<Shard*> shards,
                     JournalProposals& proposals, FindImage image, OnChange on_change);
  Status read_places();
  void pump_all();
  void pump(PartitionId number, Journal& journal);
  Result<Portion> read(PartitionId number, Offset from, LeaderEpoch epoch);
  Status check_chain(PartitionId number, Offset next, LeaderEpoch epoch);
  Verdict judge(const storage::ReplicatedCommit& commit, LocalTask& local) const;
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
  Loop loop_{"journals"};
  std::unique_ptr<storage::LogReader> reader_;
  storage::ReplicaLog replicas_;
  std::unique_ptr<Timer> timer_;
  std::thread thread_;

  mutable std::mutex mutex_;
  std::condition_variable settled_;
  // Guarded by mutex_
  int paused_ = 0;
  bool is_posted_ = false, is_stopping_ = false;
  std::map<PartitionId, Journal> journals_;
  std::map<std::string, LocalTask> tasks_;
  std::map<std::string, Revision> left_out_;  // by query
};

}  // namespace server
