#include "storage/files/stored_tasks.h"

#include "storage/kv/lmdb_store.h"
#include "storage/log/task_journal.h"
#include "storage/state/state_keys.h"

namespace storage {

Result<std::vector<StoredTask>> stored_tasks(LmdbSnapshot& log) {
  std::vector<StoredTask> tasks;
  const auto add = [&](const Entry& row) -> Status {
    auto task = TRY(decode_task_row(row.key, row.value));
    tasks.push_back({std::string(row.key), std::move(task)});
    return {};
  };
  TRY(log.visit("tasks", add));
  return tasks;
}

Result<PositionFormat> position_format(LmdbSnapshot& state) {
  const LmdbSnapshot::Table* const table = state.find(kFormatTable);
  if (table == nullptr) return PositionFormat::Plain;
  const auto version = TRY(state.transaction().get(table->handle, kVersionKey));
  return position_format_of(version.value_or(""));
}

Result<std::map<std::string, TaskSequence, std::less<>>> checkpoint_positions(LmdbSnapshot& state) {
  std::map<std::string, TaskSequence, std::less<>> positions;
  const PositionFormat format = TRY(position_format(state));
  const auto add = [&](const Entry& row) -> Status {
    positions.emplace(row.key, TRY(decode_position(row, format)).position);
    return {};
  };
  TRY(state.visit("positions", add));
  return positions;
}

Result<std::vector<PartitionId>> unreached_journals(LmdbSnapshot& log, LmdbSnapshot& state) {
  std::map<PartitionId, Offset> ends;
  const auto note_end = [&](const Entry& row) -> Status {
    ends.insert(TRY(decode_journal_end(row)));
    return {};
  };
  TRY(state.visit("journals", note_end));
  std::vector<PartitionId> unreached;
  const auto compare_start = [&](const Entry& row) -> Status {
    const auto id = partition_of_key(row.key);
    if (!id || id->topic != kTaskJournal) return {};
    if (TRY(decode_partition_row(row.value)).log_start > ends[id->partition])
      unreached.push_back(id->partition);
    return {};
  };
  TRY(log.visit("partitions", compare_start));
  return unreached;
}

}  // namespace storage
