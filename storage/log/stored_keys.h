// The tables of log.mdb except those of client partitions, and the encoding of their keys and rows.
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
  TableHandle partitions;    // topic id, partition number -> PartitionRow
  TableHandle exchanges;     // log number, last offset -> batch, of all internal partitions
  TableHandle tasks;         // task id -> TaskRow
  TableHandle producers;     // log number, producer id -> ProducerState, TaskOutputState
  TableHandle timestamps;    // log number, time -> end offset: see time_index.h
  TableHandle append_times;  // log number, time -> end offset: see time_index.h
  TableHandle counters;      // name of a counter (below) -> i64, the next number to allocate
  TableHandle removals;      // the key and value of a Removal
  TableHandle epochs;        // log number, epoch -> first offset: see epoch_history.h
  TableHandle transactions;  // log number, first offset: see transaction_index.h
  TableHandle aborted;       // log number, offset of the marker: see transaction_index.h
};
Result<LogTables> open_log_tables(WriteTransaction& transaction);

inline constexpr std::string_view kExchangesTable = "exchanges";
inline constexpr std::string_view kProducersTable = "producers";
inline constexpr std::string_view kTimestampsTable = "timestamps";
inline constexpr std::string_view kAppendTimesTable = "append-times";
inline constexpr std::string_view kEpochsTable = "epochs";
inline constexpr std::string_view kTransactionsTable = "transactions";
inline constexpr std::string_view kAbortedTable = "aborted";

inline constexpr std::string_view kNextProducerId = "next-producer-id";
inline constexpr std::string_view kNextTaskProducer = "next-task-producer";
inline constexpr std::string_view kNextLogNumber = "next-log-number";

// Number of the possible table names of one TopicPartition. The log number selects one of them. Usually this is another
// one than that of an earlier partition with this id, whose table may not be removed yet.
inline constexpr int64_t kTableNames = 32;
// Returns the name of the table of a client partition's batches.
std::string partition_table_name(const TopicPartition& partition, LogNumber number,
                                 TableNaming naming);
bool is_partition_table(std::string_view name);

std::string partition_key(const TopicPartition& partition);
std::optional<TopicPartition> partition_of_key(std::string_view key);
std::string encode(const PartitionRow& row);
Result<PartitionRow> decode_partition_row(std::string_view bytes);

// A range of a table that no reader can see and that is being removed in slices. Its row is written
// in the commit that makes the range invisible, and is erased together with the range's last entry.
// After a crash the next process finds the row and continues the removal.
//   key    table name, NUL, first key
//   value  u8: whether the table itself is removed, too; end key
struct Removal {
  std::string table, first_key, end_key;
  bool takes_table = false;

  std::string key() const;
  std::string value() const;
  static Result<Removal> decode(std::string_view key, std::string_view value);
};

// The row of a task, which exists from the task's first start until its query is dropped.
struct TaskRow {
  PartitionId journal;     // the partition of its commits: see task_journal.h
  Offset first_entry;      // earlier entries belong to an earlier task with the same id
  ProducerId producer_id;  // producer of the task's outputs
};
std::string encode(const TaskRow& row);
// Fails with DataCorrupted if the row is damaged, or if it names a journal other than the task's.
Result<TaskRow> decode_task_row(std::string_view task, std::string_view bytes);
// Returns the producer id in the row of a task, also in a row of version 2.
Result<ProducerId> decode_task_producer(std::string_view bytes);

std::string producer_key(LogNumber partition, ProducerId producer);

// Returns the key of a time. The keys are in the order of the times, including negative ones.
std::string time_key(LogNumber partition, int64_t time);
// Returns the time in a time_key(). Fails with DataCorrupted for another key.
Result<int64_t> time_of_key(std::string_view key);

// Returns the key of an entry in a table that several numbered owners, such as partitions, share.
std::string numbered_key(int64_t owner, int64_t number);
struct NumberedKey {
  int64_t owner, number;
};
// Fails with DataCorrupted if the key was not made by numbered_key(): in a damaged file, a page of
// another table may be in the place of the right page.
Result<NumberedKey> decode_numbered_key(std::string_view key);

}  // namespace storage
