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

// Journal partitions that begin behind what the state contains of them.
Result<std::vector<PartitionId>> unreached_journals(LmdbSnapshot& log, LmdbSnapshot& state);

}  // namespace storage
