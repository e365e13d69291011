// The owner of each task. Only the owner may commit for the task; earlier owners are fenced.
#pragma once
#include <absl/container/flat_hash_map.h>

#include <optional>
#include <string>

#include "base/ids.h"

namespace storage {

// The owner that may append commits of a task, identified by its epoch. Owners are kept in memory
// only, so a restart fences all of them.
struct TaskOwner {
  TaskEpoch epoch;
  PartitionId journal;
  // Sequence of the last commit in this process; nothing until the owner's first commit.
  std::optional<TaskSequence> last_sequence = {};
};
using TaskOwners = absl::flat_hash_map<std::string, TaskOwner>;

}  // namespace storage
