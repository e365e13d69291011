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

// A journal has a number of its own, never given twice: a task that is dropped and made again under
// the same id does not see what is left of the old journal while that is being removed.
using JournalId = StrongNumber<struct JournalIdTag, int64_t>;

struct LogTables {
  TableHandle partitions;  // topic id, partition number -> PartitionRow
  TableHandle tasks;       // task id -> TaskRow
  TableHandle journals;    // journal id, sequence -> journal entry
  TableHandle producers;   // topic id, partition number, producer id -> ProducerState
  TableHandle counters;    // one of the names below -> i64, the next number to be given
};
Result<LogTables> open_log_tables(WriteTransaction& transaction);

inline constexpr std::string_view kNextProducerId = "next-producer-id";
inline constexpr std::string_view kNextJournalId = "next-journal-id";

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
  JournalId journal;
};
std::string journal_key(JournalId journal, TaskSequence sequence);
TaskSequence sequence_of_key(std::string_view journal_key);
std::string encode(const TaskRow& row);
Result<TaskRow> decode_task_row(std::string_view bytes);

std::string producer_key(const TopicPartition& partition, ProducerId producer);

}  // namespace storage
