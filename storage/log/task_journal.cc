#include "storage/log/task_journal.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cassert>
#include <charconv>

#include "base/bytes.h"
#include "records/batch_builder.h"
#include "storage/log/batch_cursor.h"
#include "storage/log/log_core.h"

namespace storage {

// --- Placement

// This mapping must never change: the tasks' rows in existing logs contain its results.
PartitionId journal_of(std::string_view query_id, int32_t number) {
  const uint64_t place =
      XXH3_64bits(query_id.data(), query_id.size()) + static_cast<uint32_t>(number);
  return PartitionId(static_cast<int32_t>(place % kJournalPartitions));
}

PartitionId journal_of(std::string_view task) {
  const size_t number_at = task.rfind('/');
  const size_t stage_at =
      number_at == task.npos || number_at == 0 ? task.npos : task.rfind('/', number_at - 1);
  int32_t number = 0;
  if (stage_at == task.npos) return journal_of(task, 0);
  std::from_chars(task.data() + number_at + 1, task.data() + task.size(), number);
  return journal_of(task.substr(0, stage_at), number);
}

PartitionId replicated_journal_of(std::string_view query_id) {
  return PartitionId(
      static_cast<int32_t>(XXH3_64bits(query_id.data(), query_id.size()) % kReplicatedJournals));
}

// --- Entries

std::string journal_batch(std::string_view task, TaskSequence sequence, std::string_view entry) {
  assert(!task.empty() && sequence > TaskSequence{0});
  std::string head;
  append_be(head, sequence.value());
  records::BatchBuilder builder;
  builder.append_joined(records::kNoTimestamp, task, head, entry);
  return builder.finish();
}

Result<JournalRecord> read_journal_batch(std::string_view bytes) {
  const auto batch = TRY(records::parse_batch(bytes, records::BatchCheck::ShapeAndCrc));
  auto reader = TRY(records::RecordReader::over(batch.header, batch.payload()));
  records::RecordView record;
  // A batch with further records is damaged. Readers pass on one entry for each batch, so the
  // further records would be lost.
  if (batch.header.record_count != 1 || !reader.next(record) || !record.key || !record.value ||
      record.value->size() < sizeof(int64_t))
    return Error{ErrorCode::CorruptRecord, "a journal contains an invalid entry"};
  return JournalRecord{batch.header.base_offset, *record.key,
                       TaskSequence{load_be<int64_t>(record.value->data())},
                       record.value->substr(sizeof(int64_t))};
}

// --- Reading

namespace {

class Reader final : public JournalReader {
 public:
  Reader(std::unique_ptr<ReadTransaction> transaction, std::shared_ptr<const Partition> partition)
      : transaction_(std::move(transaction)),
        partition_(std::move(partition)),
        start_(partition_->log_start()) {}

  Offset start() const override { return start_; }
  Status read_some(Offset first_offset, Offset end_offset, const VisitSome& visit) override {
    auto cursor = TRY(BatchCursor::open(*transaction_, *partition_));
    for (auto batch = TRY(cursor.seek(std::max(first_offset, start_)));
         batch && batch->last_offset < end_offset; batch = TRY(cursor.next())) {
      const Result<JournalRecord> record = read_journal_batch(batch->bytes);
      if (!record) return damaged(batch->last_offset, record.error());
      if (!TRY(visit(*record))) break;
    }
    return {};
  }

 private:
  Error damaged(Offset offset, const Error& cause) const {
    return {cause.code,
            fmt::format("journal partition {} is damaged at offset {}: {}",
                        partition_->id().partition.value(), offset.value(), cause.message)};
  }

  const std::unique_ptr<ReadTransaction> transaction_;
  const std::shared_ptr<const Partition> partition_;
  const Offset start_;
};

}  // namespace

Status JournalReader::read(Offset first_offset, const Visit& visit) {
  return read_some(first_offset, Offset{INT64_MAX},
                   [&](const JournalRecord& record) -> Result<bool> {
                     TRY(visit(record));
                     return true;
                   });
}

// The start is read after the snapshot was taken. Entries that were trimmed in between are still in
// the snapshot, and are skipped.
Result<std::unique_ptr<JournalReader>> JournalReader::open(Log& log, PartitionId journal) {
  auto transaction = TRY(log.store().begin_read());
  auto partition = log.core().find_partition(journal_partition(journal));
  if (!partition) return Error{ErrorCode::UnknownTopic, "the journal does not exist"};
  return std::make_unique<Reader>(std::move(transaction), std::move(partition));
}

}  // namespace storage
