// One checkpoint of a journal partition, from when it is begun until the journal is trimmed.
#pragma once
#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "server/tasks/checkpoint_lane.h"
#include "server/tasks/frozen_changes.h"

namespace server {

// What it writes it reads out of the journal, when its turn has come, in passes: each reads on until the newest
// change of each key would take CheckpointPolicy::pass_bytes, copies these, and has them written. So a long stretch of the journal
// takes no more memory than a short one, and one entry is all that can be more. The snapshot of the log in which a
// pass reads is given back before anything is written: while one is held, pages of the log are not used again. When
// it fails all that was read is let go of. It reads the same pass again when it is tried again, but for the tasks
// that were finished: the journal is not trimmed before the last pass is stored.
//
//   Stuck --write()--> Writing --pass by pass, task by task--> state store --> journal's end --> trimmed: Finished
//     ^                   |  '--what it reads is damaged--> Damaged
//     '-----failed--------'
//
// Threads: write() and what is const, the shard's; drop() any. The rest is called by one at a time, the mutex
//          sees to that: the state writer, and who drops tasks.
// Owner:   shared by the shard and the callbacks that it waits for: the state store may answer after the shards
//          are gone.
class FrozenJournal : public std::enable_shared_from_this<FrozenJournal> {
 public:
  enum class Phase : uint8_t { Stuck, Writing, Finished, Damaged };
  // Of a task: its commits from the offset `first` on, up to the sequence `last`. They lie in the range below.
  struct Commits {
    Offset first;
    TaskSequence last;
  };
  struct Range {
    PartitionId journal;
    Offset end_offset;  // of all that it contains: no commit of these tasks before that is left out
    size_t size_bytes;  // of what these tasks have in it, about
    enum class Journal : uint8_t { IsTrimmed, IsKept } afterwards = Journal::IsTrimmed;
  };
  struct Damage {
    Error why;
    std::string task;  // of which alone something is damaged; empty: of the journal
  };
  FrozenJournal(std::shared_ptr<CheckpointLane> lane, Range range,
                const std::map<std::string, Commits>& tasks);

  // Begins, or begins again after it was stuck.
  void write();
  // Forgets tasks. What of them is on its way is fenced by the state store.
  void drop(const std::string& prefix);

  Phase phase() const { return phase_; }
  const Damage& damage() const { return damage_; }  // of one that is Damaged
  const Range& range() const { return range_; }
  // What has been read and is not stored yet.
  size_t memory_bytes() const { return memory_bytes_; }

 private:
  struct Task {
    Commits commits;
    std::shared_ptr<FrozenChanges> changes;  // of this pass; null: none, or all of them are stored
    bool ends = false;                       // the pass has its last commit
  };
  using Tasks = std::map<std::string, Task, std::less<>>;
  bool begin_turn();
  bool submit_pass();
  void begin_pass();
  Status read();
  // What was damaged, if anything was, is of this task.
  Status of(const std::string& task, Status status);
  void write_some();
  void end_pass();
  void write_end();
  void answered(const std::shared_ptr<FrozenChanges>& changes, const Status& status);
  Tasks::iterator forget(Tasks::iterator task);
  void let_go(Task& task);
  size_t turn_bytes() const {
    return std::min(range_.size_bytes, static_cast<size_t>(lane_->policy().pass_bytes));
  }
  void trim();
  void failed(const Error& error);
  void end_turn();
  // False when the state store has no room.
  bool submit(storage::Checkpoint checkpoint, std::function<void(Status)> done) {
    return lane_->state().try_checkpoint(checkpoint, done);
  }

  const std::shared_ptr<CheckpointLane> lane_;
  const Range range_;
  std::atomic<Phase> phase_{Phase::Stuck};
  std::atomic<size_t> memory_bytes_ = 0;
  Damage damage_;  // set before the phase

  std::mutex mutex_;
  // Guarded by mutex_
  Tasks tasks_;       // that are not finished
  Offset stored_to_;  // where the pass at hand begins
  Offset pass_end_;   // and where it ends
  size_t on_way_ = 0;
  bool has_failed_ = false;
};

}  // namespace server
