// The tables of log.mdb beside the partitions' own, and how their keys and rows are written.
// Numbers are big-endian, so that byte order is number order.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "storage/kv/kv.h"
#include "storage/log/partition.h"
#include "storage/log/topic_partition.h"

namespace storage {

struct LogTables {
  TableHandle partitions;  // topic id, partition number -> PartitionRow
  TableHandle journals;    // task, NUL, sequence -> journal entry; sequence 0 -> TaskRow
  TableHandle producers;   // topic id, partition number, producer id -> ProducerState
  TableHandle counters;    // kNextProducerId -> i64
};
Result<LogTables> open_log_tables(WriteTransaction& transaction);

inline constexpr std::string_view kNextProducerId = "next-producer-id";

// The table of a partition's batches.
std::string partition_table_name(const TopicPartition& partition);
bool is_partition_table(std::string_view name);

std::string partition_key(const TopicPartition& partition);
std::optional<TopicPartition> partition_of_key(std::string_view key);
std::string encode(const PartitionRow& row);
Result<PartitionRow> decode_partition_row(std::string_view bytes);

// Where a task stands: its owner's epoch and its last durable commit.
struct TaskRow {
  TaskEpoch epoch;
  TaskSequence last_sequence;
  ProducerId producer_id;  // of its outputs
};
std::string journal_key(std::string_view task, TaskSequence sequence);
TaskSequence sequence_of_key(std::string_view journal_key);
std::string encode(const TaskRow& row);
Result<TaskRow> decode_task_row(std::string_view bytes);

std::string producer_key(const TopicPartition& partition, ProducerId producer);

}  // namespace storage
