// What the log's writer is asked to do, and what it answers.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/shared_bytes.h"
#include "base/task_id.h"
#include "records/batch.h"
#include "storage/log/topic_partition.h"

namespace storage {

class TransactionGuard;

// One or more whole record batches, back to back; their base offsets are set by the writer.
struct PartitionBatches {
  TopicPartition partition;
  std::string batches;
  // Only while this is the leader epoch: what was decided under another one is refused (FencedLeaderEpoch).
  std::optional<LeaderEpoch> under = {};
  // Only while what was verified of the batches' transaction holds; see transaction_guards.h.
  std::shared_ptr<const TransactionGuard> guard = {};
};

// When an append is answered.
enum class Acks : uint8_t {
  Leader,  // when it is durable here
  All,     // when it is visible: enough followers have it too
};

// Appended all or nothing. The requester has passed every part through check_for_append().
struct AppendRequest {
  std::vector<PartitionBatches> parts;
  Acks acks = Acks::All;
};

// What a follower has got from its leader: whole batches with the offsets and epochs that the leader
// gave them, back to back, perhaps none. The requester has passed them through check_for_follow().
struct FollowRequest {
  TopicPartition partition;
  LeaderEpoch leader_epoch;  // under which they were fetched
  SharedBytes batches;
  Offset high_watermark = {};    // the leader's
  Offset leader_log_start = {};  // what lies before it goes here, too
};
// What it takes while it waits.
size_t size_of(const AppendRequest& request);

struct AppendedBatch {
  TopicPartition partition;
  Offset base_offset;
  Offset last_offset;
  bool operator==(const AppendedBatch&) const = default;
};
struct Appended {
  CommitId commit;                     // that made it durable
  std::vector<AppendedBatch> batches;  // one for each, in the order of the request
};
using AppendDone = std::function<void(Result<Appended>)>;

// The answer to OffsetsForLeaderEpoch: the newest epoch that is not newer than the one that was asked
// about, and where the next one begins, or the log end. Both are -1 when all are older: then the asker
// has what this log has not heard of.
struct EpochEnd {
  LeaderEpoch epoch{-1};
  Offset end{-1};
  bool operator==(const EpochEnd&) const = default;
};

// Everything before `end_offset` has been consumed and may go.
struct PartitionTrim {
  TopicPartition partition;
  Offset end_offset;
};

// The end of a micro-batch of one task: its effects (the journal entry) and its outputs become
// durable and visible together.
struct TaskCommit {
  std::string task;       // is_task_id()
  TaskEpoch epoch;        // from begin_tasks()
  TaskSequence sequence;  // one more than that of the task's last commit
  std::string journal;    // journal_batch(); appended to the task's journal partition
  std::vector<PartitionBatches> outputs;
  std::vector<PartitionTrim> trims;
};

// What a task's new owner starts from.
struct TaskStart {
  TaskEpoch epoch;
  PartitionId journal;  // where its commits lie
  Offset first_entry;   // what lies there before is not of this task
  // What its output batches carry, for as long as its query lives; under epoch 0, each partition's
  // sequences from 0. Those who begin the task know from its journal how far they are.
  ProducerId producer_id;
};
using TaskStarts = std::vector<Result<TaskStart>>;

// Checks what a requester sends, on its own thread: whole batches with right checksums and
// well-formed records.
Status check_for_append(std::string_view batches);
// The same for one batch that was parsed with its checksum.
Status check_for_append(const records::BatchView& batch);
// What a follower gets: whole batches with right checksums. Their records are the leader's business.
Status check_for_follow(std::string_view batches);
// Of check_for_append(), what the header alone tells; records::check_records() tells the rest.
Status check_header_for_append(const records::BatchHeader& header);

}  // namespace storage
