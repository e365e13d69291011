#include "storage/files/stored_tasks.h"

#include "base/bytes.h"
#include "storage/log/task_journal.h"
#include "storage/state/state_keys.h"

namespace storage {

Result<std::vector<StoredTask>> stored_tasks(LmdbSnapshot& log) {
  std::vector<StoredTask> tasks;
  const LmdbSnapshot::Table* table = log.find("tasks");
  if (table == nullptr) return tasks;
  const auto rows = TRY(log.transaction().cursor(table->handle));
  for (auto row = TRY(rows->first()); row; row = TRY(rows->next()))
    tasks.push_back({std::string(row->key), TRY(decode_task_row(row->value))});
  return tasks;
}

Result<std::map<std::string, TaskSequence, std::less<>>> checkpoint_positions(LmdbSnapshot& state) {
  std::map<std::string, TaskSequence, std::less<>> positions;
  const LmdbSnapshot::Table* table = state.find("positions");
  if (table == nullptr) return positions;
  const auto rows = TRY(state.transaction().cursor(table->handle));
  for (auto row = TRY(rows->first()); row; row = TRY(rows->next())) {
    ByteReader in(row->value);
    const TaskSequence position{in.be<int64_t>()};
    if (!in.ok() || position < TaskSequence{0})
      return Error{ErrorCode::StorageFailure, "the state file has a damaged position"};
    positions.emplace(row->key, position);
  }
  return positions;
}

Result<std::map<PartitionId, Offset>> journal_starts(LmdbSnapshot& log) {
  std::map<PartitionId, Offset> starts;
  const LmdbSnapshot::Table* table = log.find("partitions");
  if (table == nullptr) return starts;
  const auto rows = TRY(log.transaction().cursor(table->handle));
  for (auto row = TRY(rows->first()); row; row = TRY(rows->next())) {
    const auto id = partition_of_key(row->key);
    if (!id || id->topic != kTaskJournal) continue;
    const PartitionRow stored = TRY(decode_partition_row(row->value));
    starts.emplace(id->partition, stored.log_start);
  }
  return starts;
}

Result<std::map<PartitionId, Offset>> journal_ends(LmdbSnapshot& state) {
  std::map<PartitionId, Offset> ends;
  const LmdbSnapshot::Table* table = state.find("journals");
  if (table == nullptr) return ends;
  const auto rows = TRY(state.transaction().cursor(table->handle));
  for (auto row = TRY(rows->first()); row; row = TRY(rows->next())) {
    const auto [journal, end] = TRY(decode_journal_end(*row));
    ends.emplace(journal, end);
  }
  return ends;
}

}  // namespace storage
