// Gathers what the commits of a journal partition have changed since its last checkpoint, and hands it to
// the state store from time to time.
#pragma once
#include <absl/container/flat_hash_map.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/exec/journal.h"
#include "server/tasks/checkpoint_lane.h"
#include "server/tasks/journal_tail.h"
#include "server/tasks/log_ports.h"

namespace server {

// The journal grows until a checkpoint contains it; recovery reads both. So a checkpoint is written
// when the journal has become as long as is still quick to read again, or old. It takes all tasks of the
// partition as of one offset, and then the journal is trimmed up to there.
//
//   gathered --begin--> frozen --task by task, part by part--> state store --end--> the journal is trimmed
//                         ^                                       |
//                         '---------- failed: stays, and goes on there later
//
// What has changed stays as the bytes of the journal, in few large pieces. Which of several changes of
// a key is the newest is found out when they are written, by the state writer's thread: a loop adds
// bytes to the last piece and does nothing for each key.
//
// Entries are facts: what was durable is in a checkpoint one day, whatever becomes of the task's owner
// meanwhile.
//
// Invariant: what is not in a finished checkpoint is in the journal. The end of the journal that the state
// store knows moves when all before it is stored.
//
// Threads: the shard's; what is frozen, the state writer's.
// Owner:   the shard that owns the journal partition.
class JournalCheckpoints {
 public:
  // Of the node.
  enum class Memory : uint8_t { Enough, Tight };

  JournalCheckpoints(PartitionId journal, std::shared_ptr<CheckpointLane> lane)
      : journal_(journal), lane_(std::move(lane)) {}

  // At a start: all that the journal holds of these tasks, which are those of the log. When that cannot be
  // read, nothing of it ever comes into a checkpoint.
  void recover(const FirstEntries& tasks);
  void give_up(const Error& why);

  // Where a task stands, of which nothing was added yet: positions and scalars of its checkpoint.
  void begin_after(const std::string& task, engine::JournalEntry position);
  // The commits of the journal, in its order.
  void add(LogSink::Durable commit);
  // Forgets these tasks, which commit nothing any more; what is left to do is to be called elsewhere, since
  // it may wait. Then the state store may be told.
  [[nodiscard]] std::function<void()> drop(const std::string& prefix);

  // Begins a checkpoint if it is time for one and none is on its way; while memory is short that is
  // much sooner.
  void tick(Memory memory = Memory::Enough);
  // Whether ticks are of any use.
  bool is_dirty() const { return frozen_ != nullptr || (!is_broken_ && end_ > finished_); }
  // What the journal holds that no checkpoint contains yet: a restart reads it again.
  struct Backlog {
    size_t journal_bytes = 0;
    std::optional<int64_t> age_us = {};  // of the oldest of it; nothing when there is none
  };
  Backlog backlog() const;
  Backlog backlog_of(const std::string& task) const;
  // So much waits for a checkpoint, which fails or is slow, that tasks must not add more: their input
  // is safe in the log, memory is not. The last quarter of it is for clients, who would else have no
  // room to drop the query.
  bool is_overdue(Memory memory) const {
    return gathered_bytes_ >
           (memory == Memory::Tight ? enough_bytes(memory) : kMaxJournals * journal_bytes());
  }

 private:
  static constexpr size_t kMaxJournals = 4;
  static constexpr size_t kTightFraction = 16;
  class Frozen;
  // Of a task, since the last checkpoint was begun.
  struct Gathered {
    std::vector<std::string> changes;  // as in the journal, in its order (engine::StateChanges)
    TaskSequence last;
    size_t bytes = 0;
    int64_t since_us = 0;
  };
  size_t journal_bytes() const { return static_cast<size_t>(lane_->policy().journal_bytes); }
  // As much is worth a checkpoint.
  size_t enough_bytes(Memory memory) const {
    return memory == Memory::Tight ? journal_bytes() / kTightFraction : journal_bytes();
  }
  Status read_journal(const FirstEntries& tasks);
  void begin();

  const PartitionId journal_;
  const std::shared_ptr<CheckpointLane> lane_;
  // By task: the newest positions and scalars, all of them; no changes.
  absl::flat_hash_map<std::string, engine::JournalEntry> positions_;
  std::map<std::string, Gathered> gathered_;  // by task
  size_t gathered_bytes_ = 0;
  int64_t since_us_ = 0;  // of the oldest of it
  Offset end_{0};         // of what has been added
  Offset finished_{0};    // of the last finished checkpoint
  bool is_broken_ = false;
  std::shared_ptr<Frozen> frozen_;  // on its way, or waiting to be tried again; shared with it
};

// Adds to `position` what a later entry says.
void move_position(engine::JournalEntry& position, engine::JournalEntry entry);

}  // namespace server
