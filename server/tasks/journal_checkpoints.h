// Knows what the commits of a journal partition have added since its last checkpoint, and has it written to
// the state store from time to time.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/tasks/checkpoint_lane.h"
#include "server/tasks/frozen_journal.h"
#include "server/tasks/journal_tail.h"
#include "server/tasks/log_ports.h"

namespace server {

// The journal grows until a checkpoint contains it; recovery reads both. So a checkpoint is written
// when the journal has become as long as is still quick to read again, or old. It takes all tasks of the
// partition as of one offset, and then the journal is trimmed up to there.
//
//   journal:  trimmed | finished_ ......... frozen_'s end | ......... end_
//                       in the checkpoint on its way,       waits
//                       or to be tried again
//
// What was committed lies in the journal and nowhere else. Of each task is kept here where that begins and
// ends; the checkpoint reads it (FrozenJournal).
//
// Entries are facts: what was durable is in a checkpoint one day, whatever becomes of the task's owner
// meanwhile.
//
// Damage is found when the journal is read: at a start, and by checkpoints. Tasks that it may be of are lost:
// nothing of them comes into a checkpoint, and their queries end. As long as one of them is there, the
// journal is kept, for a restart would else take what is left of it for all; those that began behind the damage go on.
//
// Invariant: what is not in a finished checkpoint is in the journal. The end of the journal that the state
// store knows moves when all before it is stored.
//
// Threads: the shard's.
// Owner:   the shard that owns the journal partition.
class JournalCheckpoints {
 public:
  // Of the node.
  enum class Memory : uint8_t {
    Enough,
    Tight,
    Exhausted,  // tasks wait for checkpoints: what they have changed cannot leave it before
  };

  JournalCheckpoints(PartitionId journal, std::shared_ptr<CheckpointLane> lane)
      : journal_(journal), lane_(std::move(lane)) {}

  // At a start: finds out what the journal holds of these tasks, which are those of the log.
  void recover(const FirstEntries& tasks);
  // Nothing of this task, or of any, can be read.
  void lose(const std::string& task, const Error& why);
  void lose_all(const Error& why);

  // The commits of the journal, in its order.
  void add(const LogSink::Durable& commit);
  // Forgets these tasks, which commit nothing any more; what is left to do is to be called elsewhere, since
  // it may wait. Then the state store may be told.
  [[nodiscard]] std::function<void()> drop(const std::string& prefix);

  // Begins a checkpoint if it is time for one and none is on its way; while memory is short that is
  // much sooner, for a small one takes little while it is made.
  void tick(Memory memory = Memory::Enough);
  // Whether ticks are of any use.
  bool is_dirty() const {
    if (frozen_ || is_broken_) return frozen_ != nullptr;
    return lost_.empty() ? end_ > finished_ : !waiting_.tasks.empty();
  }
  // Of the tasks of checkpoints that ticks have found finished, but for those that were dropped since: up to
  // which commit the state store now contains all that they have changed. Each is told once.
  std::vector<std::pair<std::string, TaskSequence>> take_stored();
  // Whether tasks were lost since this was asked last.
  bool take_has_lost() { return std::exchange(has_lost_, false); }
  // Nothing when it is not lost.
  std::optional<Error> why_lost(const std::string& task) const;

  // What the journal holds that no checkpoint contains yet: a restart reads it again.
  struct Backlog {
    size_t journal_bytes = 0;
    std::optional<int64_t> age_us = {};  // of the oldest of it; nothing when there is none
  };
  Backlog backlog() const;
  Backlog backlog_of(const std::string& task) const;
  // Whether nothing of the task waits for a checkpoint.
  bool has_stored_all_of(const std::string& task) const {
    return !is_lost(task) && !waiting_.tasks.contains(task) && !on_way_.tasks.contains(task);
  }
  // What a checkpoint that is being written has read of the journal.
  size_t memory_bytes() const { return frozen_ ? frozen_->memory_bytes() : 0; }
  // So much waits for a checkpoint, which fails or is slow, that tasks must not add more: the disk would
  // fill up, and a restart take long. Their input is safe in the log.
  bool is_overdue() const { return waiting_.bytes > kMaxJournals * journal_bytes(); }

 private:
  static constexpr size_t kMaxJournals = 4;
  static constexpr size_t kTightFraction = 16;
  // Of a task.
  struct Commits {
    FrozenJournal::Commits range;
    size_t bytes = 0;
    int64_t since_us = 0;
  };
  // Of all tasks: some stretch of the journal.
  struct Stretch {
    std::map<std::string, Commits> tasks;
    size_t bytes = 0;
    int64_t since_us = 0;  // of the oldest of it
    Backlog backlog(int64_t now_us) const;
    Backlog backlog_of(const std::string& task, int64_t now_us) const;
    void drop(const std::string& prefix);
    void erase(const std::string& task);
    void add(const Stretch& older);
  };
  size_t journal_bytes() const { return static_cast<size_t>(lane_->policy().journal_bytes); }
  // As much is worth a checkpoint.
  size_t enough_bytes(Memory memory) const {
    if (memory == Memory::Exhausted) return 1;
    return memory == Memory::Tight ? journal_bytes() / kTightFraction : journal_bytes();
  }
  Status read_journal(storage::JournalReader& reader, Offset first, const FirstEntries& tasks);
  void take_damage(const FrozenJournal& damaged);
  void lose_older_than(Offset end, const Error& why);
  void note_lost(const std::string& task, const Error& why);
  bool is_lost(const std::string& task) const { return is_broken_ || lost_.contains(task); }
  static Backlog sum(const Backlog& older, const Backlog& newer);
  enum class Frozen : uint8_t { IsThere, IsGone };
  Frozen look_after_frozen();
  void begin();

  const PartitionId journal_;
  const std::shared_ptr<CheckpointLane> lane_;
  Stretch waiting_;             // since the last checkpoint was begun
  Offset end_{0};               // of what has been added
  Offset finished_{0};          // what lies before was trimmed
  bool is_broken_ = false;      // nothing can be read
  std::set<std::string> lost_;  // that were not dropped
  bool has_lost_ = false;       // take_has_lost()
  bool holds_gone_ = false;     // the journal, since then: commits of tasks that are no more
  std::shared_ptr<FrozenJournal> frozen_;       // on its way, or waiting to be tried again
  Stretch on_way_;                              // what it is to contain
  std::map<std::string, TaskSequence> stored_;  // take_stored()
};

}  // namespace server
