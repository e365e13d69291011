// The requests to the log's writer, and its answers.
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

// One or more whole record batches, back to back. The writer sets their base offsets.
struct PartitionBatches {
  TopicPartition partition;
  std::string batches;
  // The leader epoch of the partition when the caller decided to append. If the partition has
  // another epoch when the writer executes the request, the request is refused (FencedLeaderEpoch).
  std::optional<LeaderEpoch> under = {};
  // Set if the batches belong to a transaction: the coordinator has confirmed that the partition is
  // part of it. The request is refused if the transaction has ended since then
  // (transaction_guards.h).
  std::shared_ptr<const TransactionGuard> guard = {};
};

// Decides when an append is answered.
enum class Acks : uint8_t {
  Leader,  // the append is answered when it is durable on this node
  All,     // the append is answered when it is visible: enough followers have it, too
};

// Either all parts are appended, or none. The caller has checked each part with check_for_append().
struct AppendRequest {
  std::vector<PartitionBatches> parts;
  Acks acks = Acks::All;
};

// Batches that a follower has fetched from its leader: whole batches with the leader's offsets and
// epochs, back to back, possibly none. The caller has checked them with check_for_follow().
struct FollowRequest {
  TopicPartition partition;
  LeaderEpoch leader_epoch;  // the epoch under which the batches were fetched
  SharedBytes batches;
  Offset high_watermark = {};    // the leader's high watermark
  Offset leader_log_start = {};  // earlier records are removed here, too
};
// Returns the memory that a waiting request takes.
size_t size_of(const AppendRequest& request);

struct AppendedBatch {
  TopicPartition partition;
  Offset base_offset;
  Offset last_offset;
  bool operator==(const AppendedBatch&) const = default;
};
struct Appended {
  CommitId commit;                     // the commit that made it durable
  std::vector<AppendedBatch> batches;  // in the order of the request
};
using AppendDone = std::function<void(Result<Appended>)>;

// The answer to Kafka's OffsetsForLeaderEpoch: the newest epoch that is not newer than the
// requested one, and the offset where the next epoch begins, or the log end. Both are -1 if the
// requested epoch is newer than the partition's epoch. The requester may then have records that
// this log does not have.
struct EpochEnd {
  LeaderEpoch epoch{-1};
  Offset end{-1};
  bool operator==(const EpochEnd&) const = default;
};

// A request to remove the records before `end_offset`, which have all been consumed.
struct PartitionTrim {
  TopicPartition partition;
  Offset end_offset;
};

// The commit of a micro-batch of one task. The journal entry, which has the micro-batch's effects
// on the state of the task, and the outputs become durable and visible together.
struct TaskCommit {
  std::string task;       // an id for which is_task_id() is true
  TaskEpoch epoch;        // the epoch that begin_tasks() has returned
  TaskSequence sequence;  // one more than that of the task's last commit
  std::string journal;    // journal_batch(); appended to the task's journal partition
  std::vector<PartitionBatches> outputs;
  std::vector<PartitionTrim> trims;
};

// The state from which a task's new owner starts.
struct TaskStart {
  TaskEpoch epoch;
  PartitionId journal;  // the partition of its commits
  Offset first_entry;   // earlier entries there belong to other tasks
  // The producer id of the task's output batches, which does not change as long as the task's query
  // exists. These batches have producer epoch 0. In each partition their sequences begin with 0,
  // and the task's journal records the next sequence of each partition.
  ProducerId producer_id;
};
using TaskStarts = std::vector<Result<TaskStart>>;

// Checks the batches of a request on the caller's thread: whole batches with right checksums and
// well-formed records.
Status check_for_append(std::string_view batches);
// Checks one batch whose checksum the parser has verified.
Status check_for_append(const records::BatchView& batch);
// Checks fetched batches: whole batches with right checksums. The leader has checked their records.
Status check_for_follow(std::string_view batches);
// Makes the checks of check_for_append() that need only the header; records::check_records() makes
// the others.
Status check_header_for_append(const records::BatchHeader& header);

}  // namespace storage
