// Converts the tables of tasks from version 2 of log.mdb to version 3.
//   tasks     task id -> epoch i32, last sequence i64, producer id i64, journal id i64
//   journals  journal id i64, sequence i64 -> journal entry
#include "base/bytes.h"
#include "storage/log/group_transaction.h"
#include "storage/log/task_journal.h"

namespace storage {

namespace {

constexpr size_t kOldRowSize = 28;
constexpr size_t kConvertedAtOnce = 8 << 20, kTasksAtOnce = 1'000;

}  // namespace

Result<bool> GroupTransaction::convert_journals() {
  const auto journals = TRY(transaction_->find_table("journals", KeyOrder::Bytes));
  if (!journals) return true;
  std::vector<std::pair<std::string, std::string>> old_rows;
  auto cursor = TRY(transaction_->cursor(tables_.tasks));
  auto row = TRY(cursor->first());
  for (; row && old_rows.size() < kTasksAtOnce; row = TRY(cursor->next()))
    if (row->value.size() == kOldRowSize) old_rows.emplace_back(row->key, row->value);
  cursor.reset();
  size_t bytes = 0, converted = 0;
  for (const auto& [task, old_row] : old_rows) {
    if (bytes >= kConvertedAtOnce) break;
    TRY(convert_journal(task, old_row, *journals, bytes));
    ++converted;
  }
  return converted == old_rows.size() && !row;
}

// Copies the journal of a task to the end of the journal partition, as if all its entries were
// committed now.
Status GroupTransaction::convert_journal(std::string_view task, std::string_view old_row,
                                         TableHandle journals, size_t& bytes) {
  ByteReader in(old_row);
  in.be<int32_t>();
  in.be<int64_t>();
  ProducerId producer{in.be<int64_t>()};
  const auto journal = in.be<int64_t>();
  // In the first versions, tasks had producer ids of clients, and partitions did not store the
  // tasks' sequences.
  if (!is_task_producer(producer))
    producer = kFirstTaskProducer + TRY(take_numbers(kNextTaskProducer, 1));
  const PartitionId partition = journal_of(task);
  const size_t place = TRY(find(journal_partition(partition)));
  const TaskRow row{partition, moved_[place].state.log_end, producer};

  const std::string first = numbered_key(journal, 0), end = numbered_key(journal + 1, 0);
  std::string batches;
  auto cursor = TRY(transaction_->cursor(journals));
  for (auto entry = TRY(cursor->seek(first)); entry && entry->key < end;
       entry = TRY(cursor->next())) {
    const TaskSequence sequence{TRY(decode_numbered_key(entry->key)).number};
    batches += journal_batch(task, sequence, entry->value);
  }
  cursor.reset();
  bytes += batches.size();
  Plan plan;
  TRY(add_to(plan, journal_partition(partition), batches));
  TRY(write(plan));
  TRY(transaction_->erase_range(journals, first, end));
  task_producers_.emplace_back(producer, IsAlive::Yes);
  return transaction_->put(tables_.tasks, task, encode(row));
}

}  // namespace storage
