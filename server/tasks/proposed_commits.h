// What a task of a cluster commits: proposed to its journal with replicas, and done when it comes back from there.
#pragma once
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "base/uuid.h"
#include "engine/exec/ports.h"
#include "server/tasks/log_ports.h"
#include "storage/replica/journal_entry.h"

namespace server {

// Where tasks propose their commits. A proposal is answered when it comes back as something to be carried out, or not at
// all: then the journal is closed.
//
// Threads: any. Owner: the node.
class JournalProposals {
 public:
  // While a node leads a journal without a break. What is proposed under an earlier term is forgotten.
  using Term = uint64_t;
  virtual ~JournalProposals() = default;
  virtual void propose(PartitionId journal, Term term, storage::ReplicatedCommit commit) = 0;
  // Answers with true when all is visible that was proposed before, with false when the term is over.
  virtual void when_visible(PartitionId journal, Term term, std::function<void(bool)> done) = 0;
};

// A commit that was carried out in this node's log.
struct FollowedCommit {
  LogSink::Durable durable;
  std::shared_ptr<const storage::ReplicatedCommit> commit;
};

// Threads: the shard's. Owner: the task's entry on its shard.
class ProposedCommits final : public engine::Sink {
 public:
  struct Place {
    PartitionId journal;
    JournalProposals::Term term = 0;
    Revision planned_at;          // of the query
    std::vector<Uuid> exchanges;  // which every node has for itself
  };
  ProposedCommits(JournalProposals& proposals, Place place)
      : proposals_(proposals), place_(std::move(place)) {}

  // There is always room: a task has few commits on their way.
  bool try_commit(engine::TaskCommit& commit, engine::CommitDone& done) override;
  void answered(TaskSequence sequence, CommitId commit);

 private:
  JournalProposals& proposals_;
  const Place place_;
  std::deque<std::pair<TaskSequence, engine::CommitDone>> on_way_;
};

}  // namespace server
