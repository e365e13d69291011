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
#include "storage/replica/outbox.h"
#include "storage/replica/replica_context.h"

namespace storage {

// Rules for simulations, as ReplicaRules.
struct JournalRules {
  // Tasks begin when a record of the new epoch is visible: all that a former owner has committed is then known.
  bool waits_for_epoch_start = true;
  // What is not known to be delivered is sent again by the next owner.
  bool sends_again = true;
  // Outputs are sent when their commit is visible.
  bool sends_what_is_committed = true;
  // They are delivered when they are visible where they go to, not when their leader has them.
  bool counts_what_is_visible = true;
};

class JournalOwnerPort {
 public:
  virtual ~JournalOwnerPort() = default;
  // What lies before has been delivered, all of it, and is not restored.
  virtual Offset first_needed() { return {}; }
  // Each commit of the journal from there on, in order, before opened(). All are visible.
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
  // While it is open. `done` comes when all commits that came before are visible; when one fails closed() is called instead.
  void when_visible(std::function<void()> done);
  Outbox& outbox() { return *outbox_; }
  void tick();

 private:
  enum class State : uint8_t { Waits, Begins, Open };
  // Without a commit: who waits for those before it.
  struct Waiting {
    std::optional<ReplicatedCommit> commit;
    std::function<void()> done;
  };
  void begin();
  void append(std::string batches, std::function<void(const Result<Appended>&)> done);
  void write_waiting();
  void written(std::vector<Waiting>& taken, const Appended& appended);
  Status restore();
  void fail(const Error& error);
  void mark_delivered();

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
  // What was asked of the log before belongs to an earlier attempt.
  std::shared_ptr<const char> attempt_;
};

}  // namespace storage
