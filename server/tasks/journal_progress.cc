#include "server/tasks/journal_progress.h"

#include <cassert>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "storage/log/task_journal.h"

namespace server {

namespace {

// A node's position in a journal:
//   key "journal/N" in the table "cluster"   next offset i64, leader epoch i32 of the last batch before it, offset i64
//                                            before which all outputs are delivered, size of the last snapshot i64,
//                                            leader epoch i32 that began with the last unclean election before the
//                                            next offset (0: there was none)
constexpr std::string_view kTable = "cluster", kPrefix = "journal/";

std::string key_of(PartitionId journal) {
  return std::string(kPrefix) + std::to_string(journal.value());
}

// first_needed cannot exceed next: a mark of delivered outputs refers only to commits before the
// mark.
bool is_possible(const storage::JournalPlace& place) {
  return Offset{0} <= place.first_needed && place.first_needed <= place.next;
}

Result<JournalProgress> decode(std::string_view bytes) {
  ByteReader in(bytes);
  JournalProgress progress;
  progress.place.next = Offset{in.be<int64_t>()};
  progress.place.epoch = LeaderEpoch{in.be<int32_t>()};
  progress.place.first_needed = Offset{in.be<int64_t>()};
  // The remaining fields are absent in rows that were written before journals had snapshots.
  if (in.ok() && !in.at_end()) progress.snapshot_bytes = static_cast<size_t>(in.be<int64_t>());
  if (in.ok() && !in.at_end()) progress.unclean = LeaderEpoch{in.be<int32_t>()};
  if (in.ok() && is_possible(progress.place)) return progress;
  return Error{ErrorCode::DataCorrupted, "the position of the node in a journal cannot be read"};
}

}  // namespace

Status put_journal_progress(storage::WriteTransaction& transaction, PartitionId journal,
                            const JournalProgress& progress) {
  assert(is_possible(progress.place));
  std::string row;
  append_be(row, progress.place.next.value());
  append_be(row, progress.place.epoch.value());
  append_be(row, progress.place.first_needed.value());
  append_be(row, static_cast<int64_t>(progress.snapshot_bytes));
  append_be(row, progress.unclean.value());
  return transaction.put(TRY(transaction.open_table(kTable, storage::KeyOrder::Bytes)),
                         key_of(journal), row);
}

Result<std::map<PartitionId, JournalProgress>> read_journal_progress(
    storage::WriteTransaction& transaction) {
  std::map<PartitionId, JournalProgress> all;
  const auto table = TRY(transaction.find_table(kTable, storage::KeyOrder::Bytes));
  for (PartitionId i{0}; table && i < PartitionId{storage::kReplicatedJournals}; ++i)
    if (const auto stored = TRY(transaction.get(*table, key_of(i))))
      all.emplace(i, TRY(decode(*stored)));
  return all;
}

}  // namespace server
