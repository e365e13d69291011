// Who may commit for a task: what fences its former owners.
#pragma once
#include <absl/container/flat_hash_map.h>

#include <optional>
#include <string>

#include "base/ids.h"

namespace storage {

// In memory alone: at a start everybody is a former owner.
struct TaskOwner {
  TaskEpoch epoch;
  PartitionId journal;
  // Of its last commit of this process; nothing before that.
  std::optional<TaskSequence> last_sequence = {};
};
using TaskOwners = absl::flat_hash_map<std::string, TaskOwner>;

}  // namespace storage
