// What a journal partition holds behind the checkpoints: for tasks that begin.
#pragma once
#include <absl/container/flat_hash_map.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/exec/journal.h"
#include "storage/log/task_journal.h"
#include "storage/state/state_store.h"

namespace server {

// Fails with StorageFailure when what was trimmed from the journal is not in the state: they are of
// different backups.
Result<std::unique_ptr<storage::JournalReader>> open_journal(storage::Log& log,
                                                             const storage::StateStore& state,
                                                             PartitionId journal);

// Of a task: its last commit, and what it says about positions and scalars.
struct TaskPosition {
  TaskSequence sequence{0};
  engine::JournalEntry position;  // without changes
};
Result<TaskPosition> read_position(const storage::CheckpointPosition& stored);
// Fails with CorruptRecord unless the second is the commit behind the first.
Status check_follows(TaskSequence last, TaskSequence next, std::string_view task);

// The tasks of a journal, and where in it what is theirs begins.
using FirstEntries = absl::flat_hash_map<std::string, Offset>;
// Whose commit it is; end() when it is of none of them.
FirstEntries::const_iterator find_task(const FirstEntries& tasks,
                                       const storage::JournalRecord& record);

// Threads: reading it any. It keeps a snapshot of the log, whose pages are not used again meanwhile.
class JournalTail {
 public:
  // The commits of these tasks, whose former owners have been fenced.
  static Result<std::shared_ptr<const JournalTail>> read(storage::Log& log,
                                                         const storage::StateStore& state,
                                                         PartitionId journal,
                                                         const FirstEntries& tasks);

  // Whoever is restored; see engine::Task.
  class Target {
   public:
    virtual ~Target() = default;
    virtual void begin(const engine::JournalEntry& checkpoint) = 0;
    virtual bool loads(uint32_t store) = 0;
    virtual Status restore(const engine::JournalEntry& entry, TaskSequence commit) = 0;
  };
  // Hands everything to `target` that makes up the state of a task: its checkpoint, and the journal behind
  // it. Returns its last durable commit.
  Result<TaskSequence> restore(const std::string& task, const storage::StateStore& state,
                               Target& target) const;

 private:
  struct Commit {
    TaskSequence sequence;
    std::string_view entry;
  };
  std::unique_ptr<storage::JournalReader> reader_;
  absl::flat_hash_map<std::string, std::vector<Commit>> commits_;  // by task
};

}  // namespace server
