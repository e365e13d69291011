// Reads the entries of a journal partition after the last checkpoint, to restore tasks when they
// start.
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

// Opens a partition of the task journal. Fails with StorageFailure if the beginning of the journal
// is after the end of the state store's checkpoints, so that commits are missing. This happens if
// the journal and the state store are from different backups.
Result<std::unique_ptr<storage::JournalReader>> open_journal(storage::Log& log,
                                                             const storage::StateStore& state,
                                                             PartitionId journal);

// A task's last commit in the journal. `position` has the offsets of the task's inputs after this commit, and the
// scalars of its operators.
struct TaskPosition {
  TaskSequence sequence{0};
  engine::JournalEntry position;  // the entry without its changes
};
Result<TaskPosition> read_position(const storage::CheckpointPosition& stored);
// Fails with CorruptRecord unless `next` is the commit that follows `last`.
Status check_follows(TaskSequence last, TaskSequence next, std::string_view task);

// The tasks of a journal, with the offset of each task's first entry.
using FirstEntries = absl::flat_hash_map<std::string, Offset>;
// Returns the task that made the commit, or end() if it is none of `tasks`.
FirstEntries::const_iterator find_task(const FirstEntries& tasks,
                                       const storage::JournalRecord& record);

// The commits of some tasks in a journal partition. Threads: any may read. The object holds a
// snapshot of the log, so the log cannot reuse freed pages while it exists.
class JournalTail {
 public:
  // Reads the commits of these tasks. The former owners of the tasks must have been fenced already,
  // so that no further commits follow.
  static Result<std::shared_ptr<const JournalTail>> read(storage::Log& log,
                                                         const storage::StateStore& state,
                                                         PartitionId journal,
                                                         const FirstEntries& tasks);

  // A task that is being restored; see engine::Task.
  class Target {
   public:
    virtual ~Target() = default;
    virtual void begin(const engine::JournalEntry& checkpoint) = 0;
    virtual bool loads(uint32_t store) = 0;
    virtual Status restore(const engine::JournalEntry& entry, TaskSequence commit) = 0;
  };
  // Passes the state of a task to `target`: its checkpoint, then the later entries. Returns the
  // task's last durable commit.
  Result<TaskSequence> restore(const std::string& task, const storage::StateStore& state,
                               Target& target) const;

 private:
  struct Commit {
    TaskSequence sequence;
    std::string_view entry;
  };
  std::unique_ptr<storage::JournalReader> reader_;
  absl::flat_hash_map<std::string, std::vector<Commit>> commits_;  // commits by task
};

}  // namespace server
