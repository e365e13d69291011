// Reads the contents of a replicated journal's snapshot from this node's checkpoints, task journals
// and exchanges.
#pragma once
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "server/metadata/image.h"
#include "storage/log/log.h"
#include "storage/log/partition_snapshot.h"
#include "storage/log/task_journal.h"
#include "storage/state/state_reader.h"
#include "storage/state/state_store.h"

namespace server {

class JournalContentWriter;

// All data are read from the snapshots that open() takes, so later commits do not matter. While the object exists,
// log.mdb and state.mdb cannot reuse freed pages and may grow.
//
// Threads: one at a time.
class JournalSource {
 public:
  // Opens all data. `tasks` are the tasks of `queries`; none of them may commit during the call.
  // Fails with ObjectState if the node cannot make a snapshot now.
  static Result<std::unique_ptr<JournalSource>> open(storage::Log& log, storage::StateStore& state,
                                                     std::vector<DefinedQueryPtr> queries,
                                                     std::vector<std::string> tasks);
  JournalSource(const JournalSource&) = delete;
  ~JournalSource();

  // Writes the contents to `writer`. `newer` are commits that the replicated journal contains and
  // that are not in the log yet. The first of them for each task directly follows the task's last
  // commit in the log.
  Status write(JournalContentWriter& writer,
               std::span<const storage::JournalRecord> newer = {}) const;

 private:
  JournalSource() = default;
  Status open_state(storage::StateStore& state);
  Status write_state(JournalContentWriter& writer) const;
  Status write_commits(JournalContentWriter& writer,
                       std::span<const storage::JournalRecord> newer) const;

  std::vector<DefinedQueryPtr> queries_;
  std::vector<std::string> tasks_;
  std::map<std::string, Offset> first_entries_;  // offset of a task's first entry in its journal
  std::map<PartitionId, std::unique_ptr<storage::JournalReader>> journals_;
  std::map<std::string, storage::CheckpointPosition> positions_;
  // Names of the stores in the checkpoint, by task.
  std::map<std::string, std::set<std::string>> stores_;
  std::unique_ptr<storage::StateReader> reader_;  // its read transaction has begun
  std::unique_ptr<storage::PartitionSnapshot> exchanges_;
};

}  // namespace server
