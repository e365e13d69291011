// The owner of each task, which alone may commit for it; earlier owners are fenced.
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
  // The last commit in this process; nothing before it.
  std::optional<TaskSequence> last_sequence = {};
};
using TaskOwners = absl::flat_hash_map<std::string, TaskOwner>;

}  // namespace storage
