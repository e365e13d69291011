// The owner of each task. Only the owner may commit for the task; earlier owners are fenced.
#pragma once
#include <absl/container/flat_hash_map.h>

#include <optional>
#include <string>

#include "base/ids.h"

namespace storage {

// Kept in memory only: a restart fences all owners.
struct TaskOwner {
  TaskEpoch epoch;
  PartitionId journal;
  // Sequence of the last commit in this process; nothing until the owner's first commit.
  std::optional<TaskSequence> last_sequence = {};
};
using TaskOwners = absl::flat_hash_map<std::string, TaskOwner>;

}  // namespace storage
