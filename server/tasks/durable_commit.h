// Types that describe a durable commit of a task: its position in the journal and, for a commit
// that was read from a replicated journal, its contents.
#pragma once
#include <cstddef>
#include <memory>
#include <string>

#include "base/ids.h"

namespace storage {
struct ReplicatedCommit;
}

namespace server {

// A commit of a task that is durable in the journal `journal`, at `offset`.
struct DurableCommit {
  std::string task;
  PartitionId journal;
  Offset offset;
  TaskSequence sequence;
  size_t entry_bytes;
  CommitId commit = {};  // the log's id of the commit; unknown if read from the journal
};

// A commit that was read in a replicated journal and applied to this node's log.
struct FollowedCommit {
  DurableCommit durable;
  std::shared_ptr<const storage::ReplicatedCommit> commit;
};

}  // namespace server
