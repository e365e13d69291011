// Where tasks stand according to log and state, read from snapshots.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "storage/kv/lmdb_snapshot.h"
#include "storage/log/stored_keys.h"

namespace storage {

struct StoredTask {
  std::string id;
  TaskRow row;
};
Result<std::vector<StoredTask>> stored_tasks(LmdbSnapshot& log);

// By task; of one without a checkpoint nothing.
Result<std::map<std::string, TaskSequence, std::less<>>> checkpoint_positions(LmdbSnapshot& state);

// The first entry behind `from` that the task's journal has not, up to its last durable commit.
Result<std::optional<TaskSequence>> missing_entry(LmdbSnapshot& log, const StoredTask& task,
                                                  TaskSequence from);

}  // namespace storage
