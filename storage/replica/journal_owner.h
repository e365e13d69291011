// The leader of a journal partition, as its tasks meet it: when they may begin, what they begin from, and when
// what they have done is done.
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
  // What lies before has been delivered, all of it, and is not restored.
  virtual Offset first_needed() { return {}; }
  // What lies from there on this node has yet to carry out: it does not trim that, whatever its leader does. Also where it
  // follows.
  virtual Offset first_not_carried_out() { return Offset{INT64_MAX}; }
  // Each commit of the journal from there on, in order, before opened(), over several turns of the loop. All are visible.
  // Where it begins anew in between they come again from the first one.
  virtual void restore(const ReplicatedCommit& commit) = 0;
  // The tasks may go on from there.
  virtual void opened() = 0;
  // Whatever the tasks know is to be thrown away: another one owns them, or a commit has failed.
  virtual void closed() = 0;
};

//   leads ──► appends its epoch's start ──► that is visible ──► restores ──► open
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
  // While it is open. `done` comes when the commit is visible; when it fails closed() is called instead.
  // One append is on its way at a time, with all that came meanwhile: where one fails nothing comes behind it, so a
  // journal has no commit without the one before it.
  void commit(ReplicatedCommit commit, std::function<void()> done);
  // A piece of a snapshot, as a commit; one after the other, from 0 on. When the last one is visible, the journal is trimmed up
  // to the snapshot's place, as far as all is delivered.
  void write_piece(const SnapshotPiece& piece, std::function<void()> done);
  // While it is open. `done` comes when all commits that came before are visible; when one fails closed() is called instead.
  void when_visible(std::function<void()> done);
  Outbox& outbox() { return *outbox_; }
  void tick();

 private:
  enum class State : uint8_t { Waits, Begins, Open };
  // One of the two, or neither: who waits for those before it.
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
  Offset end_, marked_;  // of the commits that are visible; what is delivered by the last mark
  Offset trim_end_;      // a snapshot has all that was committed before
  bool is_trimming_ = false;
  // What was asked of the log before belongs to an earlier attempt.
  std::shared_ptr<const char> attempt_;
};

}  // namespace storage
