// Functions for the tests of the log.
#pragma once
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "records/batch_builder.h"
#include "storage/log/log.h"
#include "storage/log/log_reader.h"
#include "storage/log/task_journal.h"

namespace storage {

// Returns a batch of `count` records. Their values are "`text`0", "`text`1", ..., and their
// timestamps increase from `timestamp`.
inline std::string batch_of(const std::string& text, int count = 1, int64_t timestamp = 1000) {
  records::BatchBuilder builder;
  for (int i = 0; i < count; ++i) builder.append(timestamp + i, "key", text + std::to_string(i));
  return builder.finish();
}

inline AppendRequest append_of(const TopicPartition& partition, std::string batches) {
  AppendRequest request;
  request.parts.push_back({partition, std::move(batches)});
  return request;
}

inline std::vector<std::string> values_in(std::string_view batch_bytes) {
  std::vector<std::string> values;
  const auto batch = records::parse_batch(batch_bytes, records::BatchCheck::ShapeAndCrc);
  EXPECT_TRUE(batch);
  std::string scratch;
  auto reader = records::RecordReader::open(*batch, scratch);
  EXPECT_TRUE(reader);
  for (records::RecordView record; reader->next(record);) values.emplace_back(record.value.value());
  return values;
}

// Runs `submit(done)` and waits for done's argument.
template <class T, class Submit>
T wait_for(const Submit& submit) {
  std::promise<T> answer;
  submit([&](T result) { answer.set_value(std::move(result)); });
  return answer.get_future().get();
}

// Returns the offset of the first record with this timestamp or a later one; the end if there is
// none. The caller ends the reader's turn.
inline Result<Offset> offset_for_time(LogReader& reader, const TopicPartition& partition,
                                      int64_t timestamp) {
  Offset from = TRY(reader.log_start(partition));
  while (const auto batch = TRY(reader.batch_for_time(partition, timestamp, from))) {
    if (const auto found = TRY(find_by_time(*batch, timestamp, from))) return found->offset;
    from = batch->last_offset + 1;
  }
  return reader.readable_end(partition);
}

// Returns all values of the partition in order. Checks that the offsets have no gaps.
inline std::vector<std::string> read_values(Log& log, const TopicPartition& partition,
                                            Offset from = {}) {
  auto reader = LogReader::open(log).value();
  EXPECT_TRUE(reader->begin_turn());
  std::vector<std::string> values;
  Offset next = from;
  while (true) {
    const auto batches = reader->read(partition, next, 100'000);
    EXPECT_TRUE(batches) << batches.error().message;
    if (!batches || batches->empty()) break;
    for (const BatchRef& batch : *batches) {
      EXPECT_EQ(batch.base_offset, next);
      for (std::string& value : values_in(batch.bytes)) values.push_back(std::move(value));
      next = batch.last_offset + 1;
    }
  }
  EXPECT_EQ(reader->readable_end(partition).value(), next);
  reader->end_turn();
  return values;
}

// Returns "sequence:entry" for each durable commit of the task.
inline std::vector<std::string> journal_of_task(Log& log, const std::string& task) {
  std::vector<std::string> entries;
  const auto tasks = log.tasks().value();
  for (const Log::StoredTask& stored : tasks) {
    if (stored.id != task) continue;
    const auto reader = JournalReader::open(log, stored.journal).value();
    EXPECT_TRUE(reader->read(Offset{0}, [&](const JournalRecord& record) -> Status {
      if (record.task == task && record.offset >= stored.first_entry)
        entries.push_back(std::to_string(record.sequence.value()) + ":" +
                          std::string(record.entry));
      return {};
    }));
  }
  return entries;
}
// Trims all journals, as if checkpoints contained all their entries.
inline void trim_journals(Log& log) {
  for (int32_t journal = 0; journal < kJournalPartitions; ++journal) {
    const TopicPartition partition = journal_partition(PartitionId(journal));
    EXPECT_TRUE(trim_and_wait(log, {partition, log.find_partition(partition)->log_end()}));
  }
}

inline void wait_until_removed(const Log& log) {
  while (log.pending_removals() > 0) std::this_thread::yield();
}

// Returns the number of entries in the tables that are empty after a complete removal: exchanges
// and journals, producers, removals, and the tables of partitions.
inline size_t entries_left(Log& log) {
  size_t count = 0;
  std::promise<Status> done;
  log.submit(
      [&](WriteTransaction& transaction) -> Status {
        count = 0;
        for (const std::string& name : TRY(transaction.table_names())) {
          const bool is_partition = name.starts_with("log-");
          if (!is_partition && name != "exchanges" && name != "producers" && name != "removals")
            continue;
          count += is_partition;  // counts the table itself
          const auto table =
              TRY(transaction.find_table(name, is_partition ? KeyOrder::Integer : KeyOrder::Bytes));
          const auto cursor = TRY(transaction.cursor(*table));
          for (auto entry = TRY(cursor->first()); entry; entry = TRY(cursor->next())) ++count;
        }
        return {};
      },
      [&](Status status) { done.set_value(std::move(status)); });
  EXPECT_TRUE(done.get_future().get());
  return count;
}

}  // namespace storage
