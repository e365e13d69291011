// Reads the last commit of each task from log.mdb, and the last commit that its checkpoint contains from state.mdb, for
// `check` and `backup`.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "storage/kv/lmdb_snapshot.h"
#include "storage/log/stored_keys.h"
#include "storage/state/position_row.h"

namespace storage {

struct StoredTask {
  std::string id;
  TaskRow row;
};
Result<std::vector<StoredTask>> stored_tasks(LmdbSnapshot& log);

// Returns the format of the rows in the table `positions` of a state.
Result<PositionFormat> position_format(LmdbSnapshot& state);
// Returns the position of each task in its checkpoint; tasks without a checkpoint are absent.
Result<std::map<std::string, TaskSequence, std::less<>>> checkpoint_positions(LmdbSnapshot& state);

// Returns the journal partitions that lack entries: the first entry of the partition is not the
// entry that follows the state's checkpoints.
Result<std::vector<PartitionId>> unreached_journals(LmdbSnapshot& log, LmdbSnapshot& state);

}  // namespace storage
