#include "storage/files/stored_tasks.h"

#include "base/bytes.h"

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

Result<std::optional<TaskSequence>> missing_entry(LmdbSnapshot& log, const StoredTask& task,
                                                  TaskSequence from) {
  TaskSequence next = from + 1;
  if (task.row.last_sequence < next) return std::nullopt;
  const LmdbSnapshot::Table* table = log.find(kJournalsTable);
  if (table == nullptr || task.row.journal < JournalId{0}) return next;
  const auto entries = TRY(log.transaction().cursor(table->handle));
  auto entry = TRY(entries->seek(journal_key(task.row.journal, next)));
  for (; next <= task.row.last_sequence; ++next, entry = TRY(entries->next()))
    if (!entry || entry->key != journal_key(task.row.journal, next)) return next;
  return std::nullopt;
}

}  // namespace storage
