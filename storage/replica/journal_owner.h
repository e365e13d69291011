// Serves the tasks of a journal partition on the node that leads it: restores the tasks, starts
// them, and reports when their commits are visible.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/replica/journal_entry.h"
#include "storage/replica/journal_rules.h"
#include "storage/replica/journal_snapshot.h"
#include "storage/replica/outbox.h"
#include "storage/replica/replica_context.h"

namespace storage {

class JournalOwnerPort {
 public:
  virtual ~JournalOwnerPort() = default;
  // Returns an offset of the journal such that all outputs of commits before it are delivered.
  // These commits need not be restored.
  virtual Offset first_needed() { return {}; }
  // Returns the offset of the first commit that this node has not applied yet. The node keeps the
  // commits from this offset on, even if the leader trims them. (Followers do the same:
  // ReplicaPort::first_needed().)
  virtual Offset first_not_carried_out() { return Offset{INT64_MAX}; }
  // Called for each commit of the journal from first_needed() on, in order, before opened(), in
  // several loop iterations. All of these commits are visible. If the restore is interrupted, it
  // begins again with the first commit.
  virtual void restore(const ReplicatedCommit& commit) = 0;
  // Called when the tasks may continue from the last restored commit.
  virtual void opened() = 0;
  // Called when the tasks must discard their state, because another node owns them or a commit has
  // failed.
  virtual void closed() = 0;
};

//   leads ──► appends its epoch's start ──► the start is visible ──► restores ──► open
//     ▲                                                                       │ a commit fails
//     └───────────────────────────────────────────────────────────────────────┘
//
// Threads: the replicas' loop. Owner: the node, for as long as it leads the partition under one epoch.
class JournalOwner {
 public:
  JournalOwner(ReplicaContext& context, TopicPartition journal, JournalOwnerPort& tasks,
               OutboxPort& outbox, JournalRules rules = {});
  ~JournalOwner();

  bool is_open() const { return state_ == State::Open; }
  // Precondition: is_open(). Calls `done` when the commit is visible; if it fails, closed() is
  // called instead. One append is in progress at a time, and the commits that arrive meanwhile form
  // the next append. After a failure no further commit is appended, so a journal never has a commit
  // without the commits before it.
  void commit(ReplicatedCommit commit, std::function<void()> done);
  // Writes a piece of a snapshot like a commit. The pieces of a snapshot are written in order, from
  // number 0 on. When the last piece is visible, the journal is trimmed up to the snapshot's
  // position. If an earlier commit has undelivered outputs, the journal is trimmed only up to that
  // commit.
  void write_piece(const SnapshotPiece& piece, std::function<void()> done);
  // Precondition: is_open(). Writes a batch without outputs, such as a plan_mark(), like a commit.
  void write_mark(std::string mark, std::function<void()> done);
  // Returns the end of the visible commits.
  Offset visible_end() const { return end_; }
  // Precondition: is_open(). Calls `done` when all earlier commits are visible; if one fails,
  // closed() is called instead.
  void when_visible(std::function<void()> done);
  Outbox& outbox() { return *outbox_; }
  void tick();

 private:
  enum class State : uint8_t { Waits, Begins, Open };
  // An element of the queue of appends. It has a commit in `commit`, or, in `piece`, a piece of a snapshot or the mark
  // of a call of write_mark(). An element with neither belongs to a call of when_visible(): its `done` is called when
  // the elements before it are visible.
  struct Waiting {
    std::optional<ReplicatedCommit> commit;
    std::optional<std::string> piece;
    std::function<void()> done;
  };
  void begin();
  using AppendedHere = std::function<void(const Result<Appended>&)>;
  void append(std::string batches, AppendedHere done);
  void append_when_room(const std::shared_ptr<AppendRequest>& request, const AppendedHere& done);
  void write_waiting();
  void written(std::vector<Waiting>& taken, const Appended& appended);
  void begin_restore();
  void restore(Offset next);
  Result<Offset> restore_portion(Offset next);
  void fail(const Error& error);
  void mark_delivered();
  void trim();

  ReplicaContext& context_;
  const TopicPartition journal_;
  JournalOwnerPort& tasks_;
  OutboxPort& port_;
  const JournalRules rules_;
  std::unique_ptr<Outbox> outbox_;
  State state_ = State::Waits;
  std::deque<Waiting> waiting_;
  bool is_writing_ = false;
  int64_t begin_at_us_ = 0, mark_at_us_ = 0;
  // end_ is the end of the visible commits. All outputs of commits before marked_ are delivered
  // according to the last mark (delivered_mark()).
  Offset end_, marked_;
  Offset trim_end_;  // a snapshot covers all commits before it
  bool is_trimming_ = false;
  // Replaced with each attempt, so that the log's answers to an earlier attempt are ignored.
  std::shared_ptr<const char> attempt_;
};

}  // namespace storage
