// The journal of all tasks is an internal topic. A task's commit is one record batch in one
// partition of this topic. So the code for partitions is enough to order, fence and trim the
// commits.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/uuid.h"
#include "records/batch.h"
#include "storage/log/log.h"

namespace storage {

// The id of the journal's topic on one server. No other topic has this id.
inline constexpr Uuid kTaskJournal{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '_', 't', 'a', 's', 'k', 's'}};
inline constexpr int32_t kJournalPartitions = 16;

// In a cluster, the journals are the partitions of a replicated topic. Each has the commits of all
// tasks of some queries.
inline constexpr Uuid kReplicatedJournal{
    {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '_', 't', 'a', 's', 'k', 'r'}};
inline constexpr std::string_view kReplicatedJournalName = "__task_journal";
inline constexpr int32_t kReplicatedJournals = 12;
// Returns the journal partition of a query for which the metadata names no partition.
PartitionId replicated_journal_of(std::string_view query_id);

inline TopicPartition journal_partition(PartitionId journal) { return {kTaskJournal, journal}; }

// Returns the partition for the commits of a task "query/stage/number". It does not change as long
// as the query exists. Tasks of a query with the same number share a partition, because a stage
// mostly sends its rows to the same shard of the next stage.
PartitionId journal_of(std::string_view query_id, int32_t number);
PartitionId journal_of(std::string_view task);

// Returns the batch of one commit: a record whose key is the task's id.
//   value  sequence i64, entry
std::string journal_batch(std::string_view task, TaskSequence sequence, std::string_view entry);
struct JournalRecord {
  Offset offset;
  std::string_view task;
  TaskSequence sequence;
  std::string_view entry;
};
// Reads the commit in a batch. Fails with CorruptRecord if the batch is damaged. The result has
// views into `batch`.
Result<JournalRecord> read_journal_batch(std::string_view batch);

// Reads a partition of a task journal from one snapshot of the log, so entries that are written later are not returned.
//
// Threads: one at a time.
class JournalReader {
 public:
  static Result<std::unique_ptr<JournalReader>> open(Log& log, PartitionId journal);
  virtual ~JournalReader() = default;

  // Returns the log start. Entries before it have been trimmed: checkpoints cover them.
  virtual Offset start() const = 0;
  // Visits all commits at or after `first_offset` that have not been trimmed, in order. Some of
  // them may belong to dropped tasks whose ids were given to new tasks; entries before
  // TaskStart::first_entry are from such a dropped task. Views in the visited records are valid as
  // long as the reader exists.
  using Visit = std::function<Status(const JournalRecord&)>;
  Status read(Offset first_offset, const Visit& visit);
  // Visits the commits from `first_offset` on that lie before `end_offset`, until `visit` returns
  // false.
  using VisitSome = std::function<Result<bool>(const JournalRecord&)>;
  virtual Status read_some(Offset first_offset, Offset end_offset, const VisitSome& visit) = 0;
};

}  // namespace storage
