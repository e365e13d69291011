// One checkpoint of a journal partition, from its beginning until the journal has been trimmed.
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

// Reads the journal in passes, after CheckpointLane has allowed this checkpoint to begin. Each pass
// reads entries until the newest changes of all keys have CheckpointPolicy::pass_bytes, copies
// these changes, and writes them to the state store. So the memory does not depend on the length of
// the journal, except that a single large entry may exceed the limit.
//
// A pass releases its snapshot of the log before it writes, because the log cannot reuse pages
// while a snapshot exists. After a failure all copied data is released, and the retry repeats the
// pass for the tasks that were not finished. This is possible because the journal is trimmed only
// after the last pass is stored.
//   Stuck --write()--> Writing --pass by pass, task by task--> state store --> journal's end --> trimmed: Finished
//     ^                   |  '--the journal or the checkpoint is damaged--> Damaged
//     '-----failed--------'
//
// Threads: write() and const methods on the shard's thread; drop() on any thread. The other methods
//          run on one thread at a time, which the mutex ensures: the state writer's, or that of a
//          caller of drop().
// Owner: shared by the shard and the callbacks of the state store, which may answer after the
//          shards are destroyed.
class FrozenJournal : public std::enable_shared_from_this<FrozenJournal> {
 public:
  enum class Phase : uint8_t { Stuck, Writing, Finished, Damaged };
  // The commits of a task that belong to the checkpoint. The first one is at offset `first` of the
  // journal; the last one has the sequence number `last`.
  struct Commits {
    Offset first;
    TaskSequence last;
  };
  struct Range {
    PartitionId journal;
    Offset end_offset;  // exclusive; the checkpoint contains all earlier commits of the tasks
    size_t size_bytes;  // approximate size of the commits of the tasks
    enum class Journal : uint8_t { IsTrimmed, IsKept } afterwards = Journal::IsTrimmed;
  };
  struct Damage {
    Error why;
    std::string task;  // the only damaged task; empty: the whole journal is damaged
  };
  FrozenJournal(std::shared_ptr<CheckpointLane> lane, Range range,
                const std::map<std::string, Commits>& tasks);

  // Begins the checkpoint, or retries it after Phase::Stuck.
  void write();
  // Removes the tasks whose ids begin with `prefix` from the checkpoint. If the state store has
  // already received changes of these tasks, it rejects them (FencedTask).
  void drop(const std::string& prefix);

  Phase phase() const { return phase_; }
  const Damage& damage() const { return damage_; }  // if the phase is Damaged
  const Range& range() const { return range_; }
  // Returns the memory of the data that was read from the journal and is not stored yet.
  size_t memory_bytes() const { return memory_bytes_; }

 private:
  struct Task {
    Commits commits;
    std::shared_ptr<FrozenChanges> changes;  // changes of this pass; null: none, or all are stored
    bool ends = false;                       // this pass contains the task's last commit
  };
  using Tasks = std::map<std::string, Task, std::less<>>;
  bool begin_turn();
  bool submit_pass();
  void begin_pass();
  Status read();
  // Returns `status`. If it is an error about damage, also records in Damage that only this task is
  // damaged.
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
  // Returns false if the queue of the state store is full.
  bool submit(storage::Checkpoint checkpoint, std::function<void(Status)> done) {
    return lane_->state().try_checkpoint(checkpoint, done);
  }

  const std::shared_ptr<CheckpointLane> lane_;
  const Range range_;
  std::atomic<Phase> phase_{Phase::Stuck};
  std::atomic<size_t> memory_bytes_ = 0;
  Damage damage_;  // set before the phase becomes Damaged

  std::mutex mutex_;
  // Guarded by mutex_
  Tasks tasks_;       // unfinished tasks
  Offset stored_to_;  // start of the present pass
  Offset pass_end_;   // end of the present pass
  size_t on_way_ = 0;
  bool has_failed_ = false;
};

}  // namespace server
