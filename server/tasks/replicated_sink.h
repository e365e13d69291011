// Sends the commits of tasks to a replicated journal, in a cluster. A commit is answered when this
// node has read it in the journal and applied it.
#pragma once
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/uuid.h"
#include "engine/exec/ports.h"
#include "storage/replica/journal_entry.h"

namespace server {

// Accepts proposals of commits. A proposal is answered when its commit was read in the journal and
// applied. If the journal is closed before that, the proposal gets no answer.
//
// Threads: any. Owner: the node.
class JournalProposals {
 public:
  // Number of a period in which this node leads a journal without interruption. Proposals of
  // earlier terms are discarded.
  using Term = uint64_t;
  virtual ~JournalProposals() = default;
  virtual void propose(PartitionId journal, Term term, storage::ReplicatedCommit commit) = 0;
  // Calls `done` with true when all earlier proposals are visible. Calls it with false if the term
  // ends before that.
  virtual void when_visible(PartitionId journal, Term term, std::function<void(bool)> done) = 0;
};

// Threads: the shard's. Owner: the task's entry on its shard.
class ReplicatedSink final : public engine::Sink {
 public:
  struct Place {
    PartitionId journal;
    JournalProposals::Term term = 0;
    Revision planned_at;          // revision of the command that gave the query its plan
    std::vector<Uuid> exchanges;  // exchanges of the query, of which every node has its own copies
  };
  ReplicatedSink(JournalProposals& proposals, Place place)
      : proposals_(proposals), place_(std::move(place)) {}

  // Always accepts the commit. A task has only a few commits in progress, so no limit is needed.
  bool try_commit(engine::TaskCommit& commit, engine::CommitDone& done) override;
  void answered(TaskSequence sequence, CommitId commit);

 private:
  JournalProposals& proposals_;
  const Place place_;
  std::deque<std::pair<TaskSequence, engine::CommitDone>> on_way_;
};

}  // namespace server
