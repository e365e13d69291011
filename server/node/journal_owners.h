// A replicated journal is a partition of __task_journal, to which tasks commit in a cluster. For each journal that this
// node leads, this file accepts the proposed commits of tasks and sends their outputs to the leaders of the topics.
#pragma once
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "server/cluster/cluster_member.h"
#include "server/tasks/journal_fence.h"
#include "server/tasks/replicated_journals.h"
#include "server/tasks/replicated_sink.h"
#include "server/tasks/snapshot_pieces.h"

namespace server {

// Threads: TaskHost's calls run on the member's thread; all others on any. Owner: the node; outlives the member's
// thread.
class JournalOwners final : public TaskHost,
                            public JournalProposals,
                            public JournalFence,
                            public SnapshotPieces {
 public:
  explicit JournalOwners(ClusterMember& member) : member_(member) {}
  // Sets the object whose opened() and closed() are called when the role changes. Call it before the member joins, and
  // with null after the member's thread has ended.
  void tell(ReplicatedJournals* journals) { journals_ = journals; }

  storage::JournalOwnerPort* tasks_of(const storage::TopicPartition& partition) override;
  void owns(const storage::TopicPartition& journal, storage::JournalOwner* owner) override;
  void tick() override;

  void propose(PartitionId journal, Term term, storage::ReplicatedCommit commit) override;
  void write_piece(PartitionId journal, Term term, storage::SnapshotPiece piece,
                   std::string content, std::function<void(bool)> done) override;
  void when_visible(PartitionId journal, Term term, std::function<void(bool)> done) override;
  void fence(PartitionId journal, Revision revision, std::function<void(bool)> done) override;

 private:
  struct Journal final : storage::JournalOwnerPort {
    Journal(JournalOwners& its_owners, PartitionId its_number)
        : owners(its_owners), number(its_number) {}
    Offset first_needed() override { return owners.journals_->first_needed(number); }
    Offset first_not_carried_out() override {
      return owners.journals_->first_not_carried_out(number);
    }
    // Does nothing: each replica, also that of this node, applies the committed entries.
    void restore(const storage::ReplicatedCommit&) override {}
    void opened() override;
    void closed() override;
    bool is_term(Term its) const { return owner != nullptr && is_open && its == term; }
    void commit_waiting();
    void end_barriers();
    void end_fences();

    JournalOwners& owners;
    const PartitionId number;
    storage::JournalOwner* owner = nullptr;
    Term term = 0;
    bool is_open = false;
    // Proposed commits by task. They wait while the outputs of the task that are not delivered yet
    // have too many bytes.
    std::map<std::string, std::deque<storage::ReplicatedCommit>> waiting;
    using Barrier = std::shared_ptr<std::function<void(bool)>>;
    // waiting calls that complete when all earlier commits of the journal are visible
    std::list<Barrier> barriers;
    std::list<Barrier> before_barriers;  // become barriers once `waiting` is empty
    // A call of fence() (JournalFence) whose mark in the journal is visible. It completes when the outputs of all
    // commits before `end` are delivered.
    struct Fence {
      Offset end;
      Barrier done;
    };
    std::list<Fence> fences;
  };
  Journal& journal(PartitionId number);

  ClusterMember& member_;
  ReplicatedJournals* journals_ = nullptr;
  Term last_term_ = 0;
  std::map<PartitionId, std::unique_ptr<Journal>> all_;  // used only on the member's thread
};

}  // namespace server
