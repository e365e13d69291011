// What a snapshot of a journal with replicas contains, as it lies in this node's checkpoints, journal of tasks and exchanges.
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

// All of it as of the moment in which it was opened. While it lives, pages of both files are not used again.
//
// Threads: one at a time.
class JournalSource {
 public:
  // Nobody commits for these tasks while it is opened; they are those of the queries. Fails with ObjectState where it cannot
  // be had now.
  static Result<std::unique_ptr<JournalSource>> open(storage::Log& log, storage::StateStore& state,
                                                     std::vector<DefinedQueryPtr> queries,
                                                     std::vector<std::string> tasks);
  JournalSource(const JournalSource&) = delete;
  ~JournalSource();

  // `newer`: commits that the log is about to get, behind all that it has of their tasks.
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
  std::map<std::string, Offset> first_entries_;  // of the tasks, in their journals
  std::map<PartitionId, std::unique_ptr<storage::JournalReader>> journals_;
  std::map<std::string, storage::CheckpointPosition> positions_;
  std::map<std::string, std::set<std::string>> stores_;  // that checkpoints have, of each task
  std::unique_ptr<storage::StateReader> reader_;         // in a turn
  std::unique_ptr<storage::PartitionSnapshot> exchanges_;
};

}  // namespace server
