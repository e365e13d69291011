#include "storage/log/stored_keys.h"

#include <fmt/format.h>

#include <cassert>

#include "base/bytes.h"
#include "storage/kv/damage.h"
#include "storage/log/task_journal.h"

namespace storage {

namespace {

constexpr uint64_t kSignBit = uint64_t{1} << 63;
constexpr std::string_view kPartitionTablePrefix = "log-";

Error damaged(std::string_view what) {
  return damaged_data(fmt::format("the data file has a damaged {}", what));
}

}  // namespace

Result<LogTables> open_log_tables(WriteTransaction& transaction) {
  LogTables tables;
  tables.partitions = TRY(transaction.open_table("partitions", KeyOrder::Bytes));
  tables.exchanges = TRY(transaction.open_table(kExchangesTable, KeyOrder::Bytes));
  tables.tasks = TRY(transaction.open_table("tasks", KeyOrder::Bytes));
  tables.producers = TRY(transaction.open_table(kProducersTable, KeyOrder::Bytes));
  tables.timestamps = TRY(transaction.open_table(kTimestampsTable, KeyOrder::Bytes));
  tables.append_times = TRY(transaction.open_table(kAppendTimesTable, KeyOrder::Bytes));
  tables.counters = TRY(transaction.open_table("counters", KeyOrder::Bytes));
  tables.removals = TRY(transaction.open_table("removals", KeyOrder::Bytes));
  tables.epochs = TRY(transaction.open_table(kEpochsTable, KeyOrder::Bytes));
  tables.transactions = TRY(transaction.open_table(kTransactionsTable, KeyOrder::Bytes));
  tables.aborted = TRY(transaction.open_table(kAbortedTable, KeyOrder::Bytes));
  return tables;
}

std::string partition_table_name(const TopicPartition& partition, LogNumber number,
                                 TableNaming naming) {
  std::string name = fmt::format("{}{}-{}", kPartitionTablePrefix, partition.topic.to_string(),
                                 partition.partition.value());
  if (naming == TableNaming::ManyLengths)
    name.append(static_cast<size_t>(number.value() % kTableNames), '.');
  return name;
}

bool is_partition_table(std::string_view name) { return name.starts_with(kPartitionTablePrefix); }

std::string partition_key(const TopicPartition& partition) {
  std::string key(partition.topic.bytes.begin(), partition.topic.bytes.end());
  append_be(key, partition.partition.value());
  return key;
}

std::optional<TopicPartition> partition_of_key(std::string_view key) {
  TopicPartition partition;
  const size_t id_size = partition.topic.bytes.size();
  if (key.size() != id_size + sizeof(int32_t)) return std::nullopt;
  std::memcpy(partition.topic.bytes.data(), key.data(), id_size);
  partition.partition = PartitionId{load_be<int32_t>(key.data() + id_size)};
  return partition;
}

std::string encode(const PartitionRow& row) {
  std::string bytes;
  append_be(bytes, static_cast<uint8_t>(row.kind));
  append_be(bytes, row.number.value());
  append_be(bytes, row.leader_epoch.value());
  append_be(bytes, row.log_start.value());
  append_be(bytes, row.end_when_empty.value());
  append_be(bytes, static_cast<uint8_t>(row.role));
  append_be(bytes, row.high_watermark.value());
  append_be(bytes, row.cleaned_end.value());
  append_be(bytes, row.gaps_end.value());
  append_be(bytes, static_cast<uint8_t>(row.naming));
  return bytes;
}

Result<PartitionRow> decode_partition_row(std::string_view bytes) {
  ByteReader in(bytes);
  PartitionRow row;
  row.kind = static_cast<PartitionKind>(in.be<uint8_t>());
  row.number = LogNumber{in.be<int64_t>()};
  row.leader_epoch = LeaderEpoch{in.be<int32_t>()};
  row.log_start = Offset{in.be<int64_t>()};
  row.end_when_empty = Offset{in.be<int64_t>()};
  if (!in.at_end()) {  // absent in the first directories, which had no replicas
    row.role = static_cast<ReplicaRole>(in.be<uint8_t>());
    row.high_watermark = Offset{in.be<int64_t>()};
  }
  if (!in.at_end()) {  // absent up to version 3, which had no compaction
    row.cleaned_end = Offset{in.be<int64_t>()};
    row.gaps_end = Offset{in.be<int64_t>()};
  }
  row.naming = TableNaming::OneLength;
  if (!in.at_end())
    row.naming = static_cast<TableNaming>(in.be<uint8_t>());  // absent up to version 4
  if (!in.ok() || row.kind > PartitionKind::Internal || row.role > ReplicaRole::Follower ||
      row.naming > TableNaming::ManyLengths || row.number < LogNumber{0} ||
      row.log_start < Offset{0})
    return damaged("partition");
  return row;
}

std::string numbered_key(int64_t owner, int64_t number) {
  assert(owner >= 0 && number >= 0);  // otherwise byte order would not be number order
  std::string key;
  append_be(key, owner);
  append_be(key, number);
  return key;
}

Result<NumberedKey> decode_numbered_key(std::string_view key) {
  if (key.size() != 2 * sizeof(int64_t)) return damaged("key");
  return NumberedKey{load_be<int64_t>(key.data()), load_be<int64_t>(key.data() + sizeof(int64_t))};
}

std::string encode(const TaskRow& row) {
  std::string bytes;
  append_be(bytes, row.journal.value());
  append_be(bytes, row.first_entry.value());
  append_be(bytes, row.producer_id.value());
  return bytes;
}

Result<TaskRow> decode_task_row(std::string_view task, std::string_view bytes) {
  ByteReader in(bytes);
  TaskRow row;
  row.journal = PartitionId{in.be<int32_t>()};
  row.first_entry = Offset{in.be<int64_t>()};
  row.producer_id = ProducerId{in.be<int64_t>()};
  if (!in.ok() || !in.at_end() || row.journal != journal_of(task))
    return damaged(fmt::format("row of task {}", task));
  return row;
}

Result<ProducerId> decode_task_producer(std::string_view bytes) {
  constexpr size_t kBeforeProducer = 12;  // in both versions
  if (bytes.size() < kBeforeProducer + sizeof(int64_t)) return damaged("task");
  return ProducerId{load_be<int64_t>(bytes.data() + kBeforeProducer)};
}

std::string producer_key(LogNumber partition, ProducerId producer) {
  return numbered_key(partition.value(), producer.value());
}

std::string time_key(LogNumber partition, int64_t time) {
  std::string key;
  append_be(key, partition.value());
  append_be(key, static_cast<uint64_t>(time) ^ kSignBit);
  return key;
}

Result<int64_t> time_of_key(std::string_view key) {
  const auto number = static_cast<uint64_t>(TRY(decode_numbered_key(key)).number);
  return static_cast<int64_t>(number ^ kSignBit);
}

std::string Removal::key() const {
  std::string bytes = table;
  bytes += '\0';
  return bytes += first_key;
}

std::string Removal::value() const {
  std::string bytes;
  append_be(bytes, static_cast<uint8_t>(takes_table));
  return bytes += end_key;
}

Result<Removal> Removal::decode(std::string_view key, std::string_view value) {
  const size_t name_end = key.find('\0');
  if (name_end == key.npos || value.empty()) return damaged("removal");
  Removal removal;
  removal.table = key.substr(0, name_end);
  removal.first_key = key.substr(name_end + 1);
  removal.takes_table = value[0] != 0;
  removal.end_key = value.substr(1);
  return removal;
}

}  // namespace storage
