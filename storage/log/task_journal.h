// The journal of all tasks: an internal topic. What a task commits is one record batch in one of its
// partitions, so what owns, orders, fences and trims commits is what does so for any partition.
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

// Never given to another topic.
inline constexpr Uuid kTaskJournal{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '_', 't', 'a', 's', 'k', 's'}};
inline constexpr int32_t kJournalPartitions = 16;

// The journals of a cluster: partitions of a topic with replicas, each of which has the tasks of some queries, whole.
inline constexpr Uuid kReplicatedJournal{
    {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '_', 't', 'a', 's', 'k', 'r'}};
inline constexpr std::string_view kReplicatedJournalName = "__task_journal";
inline constexpr int32_t kReplicatedJournals = 12;
// Of a query for which nobody has chosen one.
PartitionId replicated_journal_of(std::string_view query_id);

inline TopicPartition journal_partition(PartitionId journal) { return {kTaskJournal, journal}; }

// Where the commits of a task "query/stage/number" lie, for as long as its query lives. Tasks of one number
// are together: what a stage sends to the next mostly goes to the same shard.
PartitionId journal_of(std::string_view query_id, int32_t number);
PartitionId journal_of(std::string_view task);

// The batch of one commit: a record whose key is the task's id.
//   value  sequence i64, entry
std::string journal_batch(std::string_view task, TaskSequence sequence, std::string_view entry);
struct JournalRecord {
  Offset offset;
  std::string_view task;
  TaskSequence sequence;
  std::string_view entry;
};
// Fails with CorruptRecord when the batch is damaged. Views of `batch`.
Result<JournalRecord> read_journal_batch(std::string_view batch);

// What a journal partition holds, as of one moment.
//
// Threads: one at a time.
class JournalReader {
 public:
  static Result<std::unique_ptr<JournalReader>> open(Log& log, PartitionId journal);
  virtual ~JournalReader() = default;

  // What lies before has been trimmed: it is in checkpoints.
  virtual Offset start() const = 0;
  // All commits from `first_offset` on that have not been trimmed, in order, of tasks that are there and of
  // earlier ones of the same name (TaskStart::first_entry tells them apart). Their views hold as long as
  // the reader.
  using Visit = std::function<Status(const JournalRecord&)>;
  Status read(Offset first_offset, const Visit& visit);
  // Those from `first_offset` on that lie before `end_offset`, until `visit` has seen enough and says false.
  using VisitSome = std::function<Result<bool>(const JournalRecord&)>;
  virtual Status read_some(Offset first_offset, Offset end_offset, const VisitSome& visit) = 0;
};

}  // namespace storage
