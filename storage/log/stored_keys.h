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

// Of log.mdb. Version 2 had a journal for each task; version 3 had no transactions, and did not expect gaps
// between the offsets of a partition, which compaction leaves; version 5 had no journal of commits beside it.
inline constexpr uint32_t kLogFormatVersion = 6, kOldestLogFormatVersion = 2;

struct LogTables {
  TableHandle partitions;    // topic id, partition number -> PartitionRow
  TableHandle exchanges;     // log number, last offset -> batch: of all internal partitions
  TableHandle tasks;         // task id -> TaskRow
  TableHandle producers;     // log number, producer id -> ProducerState, TaskOutputState
  TableHandle timestamps;    // log number, time -> end offset: see time_index.h
  TableHandle append_times;  // likewise
  TableHandle counters;      // one of the names below -> i64, the next number to be given
  TableHandle removals;      // see Removal
  TableHandle epochs;        // log number, epoch -> first offset: see epoch_history.h
  TableHandle transactions;  // log number, first offset: see transaction_index.h
  TableHandle aborted;       // log number, offset of the marker: likewise
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

// So many names may the tables of partitions of one id have, one after the other.
inline constexpr int64_t kTableNames = 32;
// The table of a client partition's batches.
std::string partition_table_name(const TopicPartition& partition, LogNumber number,
                                 TableNaming naming);
bool is_partition_table(std::string_view name);

std::string partition_key(const TopicPartition& partition);
std::optional<TopicPartition> partition_of_key(std::string_view key);
std::string encode(const PartitionRow& row);
Result<PartitionRow> decode_partition_row(std::string_view bytes);

// A range of a table that is no longer visible to anybody and is being removed in slices. Its row
// is written in the commit that made the range invisible and goes with the range's last entry, so
// that a crash in between leaves nothing behind.
//   key    table name, NUL, first key
//   value  whether the table itself goes too u8, end key
struct Removal {
  std::string table, first_key, end_key;
  bool takes_table = false;

  std::string key() const;
  std::string value() const;
  static Result<Removal> decode(std::string_view key, std::string_view value);
};

// A task, from its first start until its query is dropped.
struct TaskRow {
  PartitionId journal;     // where its commits lie: see task_journal.h
  Offset first_entry;      // what lies there before is of an earlier task of the same name
  ProducerId producer_id;  // of its outputs
};
std::string encode(const TaskRow& row);
// Fails with DataCorrupted when it is damaged, also when it names a journal in which this task has nothing.
Result<TaskRow> decode_task_row(std::string_view task, std::string_view bytes);
// Of a row of version 2, too.
Result<ProducerId> decode_task_producer(std::string_view bytes);

std::string producer_key(LogNumber partition, ProducerId producer);

// Times may be negative, and are in order all the same.
std::string time_key(LogNumber partition, int64_t time);
// Fails with DataCorrupted when it is no such key.
Result<int64_t> time_of_key(std::string_view key);

// The key of an entry that belongs to a numbered thing, such as a partition, in a table that many
// share.
std::string numbered_key(int64_t owner, int64_t number);
struct NumberedKey {
  int64_t owner, number;
};
// Fails with DataCorrupted when it is no such key: in a damaged file a page of another table may lie in
// that place.
Result<NumberedKey> decode_numbered_key(std::string_view key);

}  // namespace storage
