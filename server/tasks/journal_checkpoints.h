// Gathers what a task's commits have changed since its last checkpoint, and hands it to the state
// store from time to time.
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log_rate.h"
#include "engine/exec/task.h"
#include "storage/log/log.h"
#include "storage/state/state_store.h"

namespace server {

// When a task's journal goes into a checkpoint. Tests make it often.
struct CheckpointPolicy {
  int64_t interval_ms = 10'000;      // at the latest
  int64_t journal_bytes = 16 << 20;  // or when so much has gathered
  int64_t chunk_keys = 5'000;        // in one transaction of the state store
};

// What all checkpoints of a node share: where they go, and when to try again after one has failed.
// One task that tries is enough to learn that the disk is still full, so the pace is one for all.
//
// Threads: any. Owner: shared, since the state store may answer after the tasks are gone.
class CheckpointLane {
 public:
  CheckpointLane(storage::StateStore& state, storage::Log& log, const Clock& clock,
                 CheckpointPolicy policy)
      : state_(state), log_(log), clock_(clock), policy_(policy) {}

  storage::StateStore& state() { return state_; }
  storage::Log& log() { return log_; }
  const Clock& clock() const { return clock_; }
  const CheckpointPolicy& policy() const { return policy_; }

  bool may_try() const;
  void note_failure(const std::string& task, const Error& error);
  void note_success();

 private:
  storage::StateStore& state_;
  storage::Log& log_;
  const Clock& clock_;
  const CheckpointPolicy policy_;
  mutable std::mutex mutex_;
  // Guarded by mutex_
  int64_t retry_at_us_ = 0, delay_ms_ = 0;  // delay 0: the last one did not fail
  LogRate log_rate_{1};
};

// The journal grows until a checkpoint contains it; recovery reads both. So a checkpoint is written
// when the journal has become as long as is still quick to read again, or old.
//
//   changes_ --begin--> frozen --part by part--> state store --done--> the journal is trimmed
//                         ^                           |
//                         '---------- failed: stays, and goes on there later
//
// What has changed stays as the bytes of the journal, in few large pieces. Which of several changes of
// a key is the newest is found out when they are written, by the state writer's thread: a loop adds
// bytes to the last piece and does nothing for each key.
//
// Invariant: what is not in a finished checkpoint is in the journal. Every part but the last leaves
// the checkpoint's position where it was, so after a crash the journal is read over it.
//
// Threads: the shard's; parts after the first are made on the state writer's thread, out of what is
//          frozen.
// Owner:   the shard's entry of the task.
class TaskCheckpoints {
 public:
  // Of the node.
  enum class Memory : uint8_t { Enough, Tight };

  TaskCheckpoints(std::string task, std::shared_ptr<CheckpointLane> lane);
  ~TaskCheckpoints();

  // What the last checkpoint held of positions and scalars.
  void begin_after(TaskSequence last, engine::JournalEntry position);
  // A durable journal entry of the task, in order.
  void add(TaskSequence sequence, engine::JournalEntry entry);
  // Begins a checkpoint if it is time for one and none is on its way; while memory is short that is
  // much sooner.
  void tick(Memory memory = Memory::Enough);
  // Whether ticks are of any use.
  bool is_dirty() const;
  // What the journal holds that no checkpoint contains yet: a restart reads it again.
  struct Backlog {
    size_t journal_bytes = 0;
    std::optional<int64_t> age_us = {};  // of the oldest of it; nothing when there is none
  };
  Backlog backlog() const;
  // So much waits for a checkpoint, which fails or is slow, that the task must not add more: its input
  // is safe in the log, memory is not. The last quarter of it is for clients, who would else have no
  // room to drop the query.
  bool is_overdue(Memory memory) const {
    return gathered_bytes_ >
           (memory == Memory::Tight ? enough_bytes(memory) : kMaxJournals * journal_bytes());
  }

 private:
  static constexpr size_t kMaxJournals = 4;
  static constexpr size_t kTightFraction = 16;
  struct Frozen;
  size_t journal_bytes() const { return static_cast<size_t>(lane_->policy().journal_bytes); }
  // As much is worth a checkpoint.
  size_t enough_bytes(Memory memory) const {
    return memory == Memory::Tight ? journal_bytes() / kTightFraction : journal_bytes();
  }
  void keep(std::string changes);
  void begin();

  const std::string task_;
  const std::shared_ptr<CheckpointLane> lane_;
  engine::JournalEntry position_;     // the newest positions and scalars, all of them; no changes
  std::vector<std::string> changes_;  // as in the journal, in its order (engine::StateChanges)
  TaskSequence last_;
  // Of the last finished checkpoint: what parts of the next one leave in place.
  TaskSequence finished_;
  std::string finished_scalars_;
  size_t gathered_bytes_ = 0;
  int64_t since_us_ = 0;
  size_t frozen_bytes_ = 0;         // while there is a checkpoint on its way: those of it,
  int64_t frozen_since_us_ = 0;     // and when the first of them was added
  std::shared_ptr<Frozen> frozen_;  // on its way, or waiting to be tried again; shared with it
};

// Hands everything to `restore` that makes up the state of a task: its checkpoint, and the journal
// after it, which also goes on to the next checkpoint. Returns the last durable sequence. The epoch
// of the task has been raised, but a checkpoint of its previous owner may still be on its way.
// Blocks: for start-up.
Result<TaskSequence> load_task_state(
    const std::string& task, const storage::StateStore& state, const storage::Log& log,
    const std::function<Status(const engine::JournalEntry&)>& restore,
    TaskCheckpoints& checkpoints);

}  // namespace server
