// Tracks the commits that a journal partition has received since its last checkpoint, and begins
// checkpoints when they are due.
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
#include "server/tasks/durable_commit.h"
#include "server/tasks/frozen_journal.h"
#include "server/tasks/journal_tail.h"

namespace server {

// The journal grows until a checkpoint contains its entries, and a restart has to read the last
// checkpoint and the rest of the journal. So a checkpoint is due when reading the journal would
// take long, or when the last checkpoint is old. A checkpoint contains the state of all tasks of
// the partition at one offset, and the journal is then trimmed to that offset.
//
//   journal:  trimmed | finished_ ......... frozen_'s end | ......... end_
//                       in the checkpoint on its way,       waits
//                       or to be retried
//
// Committed data stays in the journal only. This class stores where the data of each task begins
// and ends, and FrozenJournal reads the data when it writes the checkpoint.
//
// A durable entry is final: a checkpoint will contain it even if the owner of the task has failed
// or changed in the meantime.
//
// Damage is detected when the journal is read: at a start, and by checkpoints. All tasks to which
// the damaged part may belong are lost: no checkpoint contains their data, and their queries end.
// As long as one of these tasks exists, the journal is not trimmed, because after a trim a restart
// could not detect that entries are missing. Tasks that began after the damaged part continue.
//
// Invariant: data that no finished checkpoint contains is in the journal. The end of the journal that
//          the state store records is moved only after everything before it is stored.
//
// Threads: the shard's.
// Owner:   the shard that owns the journal partition.
class JournalCheckpoints {
 public:
  // How much of the node's memory for state is used.
  enum class Memory : uint8_t {
    Enough,
    Tight,
    // Tasks stop and wait for checkpoints, because only changes that are in a checkpoint can be
    // evicted from memory.
    Exhausted,
  };

  JournalCheckpoints(PartitionId journal, std::shared_ptr<CheckpointLane> lane)
      : journal_(journal), lane_(std::move(lane)) {}

  // Called when the server starts. Finds the commits of `tasks` in the journal. `tasks` has all
  // tasks of the log.
  void recover(const FirstEntries& tasks);
  // Mark a task, or all tasks, as lost because their data cannot be read.
  void lose(const std::string& task, const Error& why);
  void lose_all(const Error& why);

  // Notes a commit; called in the order of the journal.
  void add(const DurableCommit& commit);
  // Removes the tasks whose ids begin with `prefix`; the caller ensures that they commit nothing
  // further. The returned function also removes them from the checkpoint in progress. It may wait,
  // so the caller calls it on another thread. When it has returned, the tasks may be dropped in the
  // state store.
  [[nodiscard]] std::function<void()> drop(const std::string& prefix);

  // Begins a checkpoint if one is due and none is in progress. While memory is short, checkpoints
  // are due much earlier, because a small checkpoint needs little memory.
  void tick(Memory memory = Memory::Enough);
  // Returns whether tick() has anything to do.
  bool is_dirty() const {
    if (frozen_ || is_broken_) return frozen_ != nullptr;
    return lost_.empty() ? end_ > finished_ : !waiting_.tasks.empty();
  }
  // Returns, for each task in the checkpoints that have finished since the last call, the last
  // commit whose changes the state store has. Only checkpoints whose end tick() has noticed are
  // included. Dropped tasks are omitted.
  std::vector<std::pair<std::string, TaskSequence>> take_stored();
  // Returns whether tasks were lost since the last call.
  bool take_has_lost() { return std::exchange(has_lost_, false); }
  // Returns the reason why the task is lost; nothing if it is not lost.
  std::optional<Error> why_lost(const std::string& task) const;

  // The data in the journal that no checkpoint contains yet. A restart reads it again.
  struct Backlog {
    size_t journal_bytes = 0;
    std::optional<int64_t> age_us = {};  // age of the oldest data; nothing without data
  };
  Backlog backlog() const;
  Backlog backlog_of(const std::string& task) const;
  // Returns whether all data of the task is in checkpoints.
  bool has_stored_all_of(const std::string& task) const {
    return !is_lost(task) && !waiting_.tasks.contains(task) && !on_way_.tasks.contains(task);
  }
  // Returns the memory of data that the checkpoint in progress has read from the journal.
  size_t memory_bytes() const { return frozen_ ? frozen_->memory_bytes() : 0; }
  // Returns whether the backlog exceeds its limit, because checkpoints fail or are slow. Tasks must
  // then stop committing. Otherwise the disk would fill up, and a restart would take a long time.
  // Nothing is lost meanwhile, because the input of the tasks stays in the log.
  bool is_overdue() const { return waiting_.bytes > kMaxJournals * journal_bytes(); }

 private:
  static constexpr size_t kMaxJournals = 4;
  static constexpr size_t kTightFraction = 16;
  // The commits of one task.
  struct Commits {
    FrozenJournal::Commits range;
    size_t bytes = 0;
    int64_t since_us = 0;
  };
  // A range of the journal, with the commits of each task in it.
  struct Stretch {
    std::map<std::string, Commits> tasks;
    size_t bytes = 0;
    int64_t since_us = 0;  // time of the oldest commit
    Backlog backlog(int64_t now_us) const;
    Backlog backlog_of(const std::string& task, int64_t now_us) const;
    void drop(const std::string& prefix);
    void erase(const std::string& task);
    void add(const Stretch& older);
  };
  size_t journal_bytes() const { return static_cast<size_t>(lane_->policy().journal_bytes); }
  // Returns the size of the backlog, in bytes, at which a checkpoint is due.
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
  Stretch waiting_;         // commits since the last checkpoint began
  Offset end_{0};           // offset after the last commit that was added
  Offset finished_{0};      // end of the last finished checkpoint; the journal was trimmed up to it
  bool is_broken_ = false;  // the journal cannot be read
  std::set<std::string> lost_;  // lost tasks that were not dropped
  bool has_lost_ = false;       // result of the next take_has_lost()
  // True if the journal has commits of dropped tasks that no checkpoint has trimmed yet.
  bool holds_gone_ = false;
  std::shared_ptr<FrozenJournal> frozen_;       // the checkpoint in progress or to be retried
  Stretch on_way_;                              // the commits that `frozen_` is to contain
  std::map<std::string, TaskSequence> stored_;  // result of the next take_stored()
};

}  // namespace server
