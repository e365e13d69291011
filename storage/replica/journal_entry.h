// What the leader of a journal partition with replicas writes: commits of tasks with the outputs that they still
// have to deliver, and where its own epoch begins.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "storage/log/topic_partition.h"

namespace storage {

// A batch of a task for a partition that somebody else leads, perhaps. It has the task's producer and
// sequence: whatever is sent again is the same, byte for byte, and counts once.
struct TaskOutput {
  TopicPartition partition;
  std::string batch;
  bool operator==(const TaskOutput&) const = default;
};

// All of the task's outputs to the partition before this sequence are visible there.
struct DeliveredOutputs {
  TopicPartition partition;
  int32_t next_sequence = 0;
  bool operator==(const DeliveredOutputs&) const = default;
};

// Nobody needs what lies before the offset any more.
struct ConsumedInput {
  TopicPartition partition;
  Offset end;
  bool operator==(const ConsumedInput&) const = default;
};

// One record batch, all or nothing:
//   record  key task, value sequence i64, revision i64, entry
//   records key 'o', topic 16 bytes, partition i32; value batch             for each output that is to be delivered
//   records key 'x', likewise                                               for each that is appended with the entry
//   records key 't', topic 16 bytes, partition i32; value end offset i64    for each trim
//   records key 'd', topic 16 bytes, partition i32; value next sequence i32 for each delivery
struct ReplicatedCommit {
  std::string task;
  TaskSequence sequence;
  std::string entry;
  std::vector<TaskOutput> outputs;
  std::vector<DeliveredOutputs> delivered;
  // Of exchanges: part of what every replica of the journal does, each on its own.
  std::vector<TaskOutput> exchanged = {};
  std::vector<ConsumedInput> consumed = {};
  // Of the command that gave the query the plan that the task ran by. Before the one that made it: of an earlier query of
  // its name.
  Revision planned_at = {};
  bool operator==(const ReplicatedCommit&) const = default;
};

std::string encode(const ReplicatedCommit& commit);
// A record with an empty key: what lies behind it was decided by who leads under the batch's epoch.
std::string epoch_start_batch();

// A record with an empty key, whose value is an offset: what commits before that have sent is delivered, all of it.
std::string delivered_mark(Offset before);
// Nothing where the batch is another one.
std::optional<Offset> read_delivered_mark(std::string_view batch);

// Nothing where the batch is the start of an epoch, or a mark. Fails with CorruptRecord.
Result<std::optional<ReplicatedCommit>> read_replicated_commit(std::string_view batch);

}  // namespace storage
