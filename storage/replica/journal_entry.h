// Entries of a replicated journal partition, as its leader writes them: commits of tasks with the
// outputs that are not delivered yet, a batch at the start of each leader epoch
// (epoch_start_batch()), and marks that report outputs as delivered (delivered_mark()).
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "storage/log/topic_partition.h"

namespace storage {

// A batch of a task for a partition that another node may lead. The batch has the task's producer
// id and sequence. When it is sent again, it has the same bytes, so it is appended only once.
struct TaskOutput {
  TopicPartition partition;
  std::string batch;
  bool operator==(const TaskOutput&) const = default;
};

// A part of a commit, which reports the delivery of earlier outputs of its task. All outputs to `partition` before the
// sequence number `next_sequence` are visible there, so no later owner has to send them again.
struct DeliveredOutputs {
  TopicPartition partition;
  int32_t next_sequence = 0;
  bool operator==(const DeliveredOutputs&) const = default;
};

// Part of a commit. It states that no task needs the records of `partition` before `end`.
struct ConsumedInput {
  TopicPartition partition;
  Offset end;
  bool operator==(const ConsumedInput&) const = default;
};

// A commit of a task with its outputs: one record batch, which is written as a whole or not.
//   record  key task, value sequence i64, revision i64, entry
//   records key 'o', topic 16 bytes, partition i32; value batch             for each output to deliver
//   records key 'x', topic 16 bytes, partition i32; value batch             for each appended with the entry
//   records key 't', topic 16 bytes, partition i32; value end offset i64    for each trim
//   records key 'd', topic 16 bytes, partition i32; value next sequence i32 for each delivery
struct ReplicatedCommit {
  std::string task;
  TaskSequence sequence;
  std::string entry;
  std::vector<TaskOutput> outputs;
  std::vector<DeliveredOutputs> delivered;
  // Batches for exchanges. Every replica of the journal appends them to its own log.
  std::vector<TaskOutput> exchanged = {};
  std::vector<ConsumedInput> consumed = {};
  // Revision of the metadata command that gave the query the plan under which the task ran. If it
  // is lower than the revision that created the query, the commit belongs to an earlier query of
  // the same name.
  Revision planned_at = {};
  bool operator==(const ReplicatedCommit&) const = default;
};

std::string encode(const ReplicatedCommit& commit);
// Returns the batch that a leader writes at the start of its epoch. Its only record has an empty
// key and an empty value. All entries up to the next such batch were written by the leader of the
// batch's epoch.
std::string epoch_start_batch();

// Returns a batch whose only record has an empty key and the offset `before` as its value. It
// states that all outputs of commits before that offset are delivered.
std::string delivered_mark(Offset before);
// Returns the offset in a delivered_mark(); nothing for any other batch.
std::optional<Offset> read_delivered_mark(std::string_view batch);

// Reads a commit. Returns nothing for an epoch start or a mark. Fails with CorruptRecord.
Result<std::optional<ReplicatedCommit>> read_replicated_commit(std::string_view batch);

}  // namespace storage
