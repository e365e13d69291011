// Commits of tasks that were decided elsewhere, as this log takes them.
#pragma once
#include <functional>
#include <vector>

#include "storage/log/log.h"

namespace storage {

struct CarriedOut {
  CommitId commit;
  std::vector<AppendedBatch> journalled;  // of each: where it lies in the journal of tasks
};

// All of them, in their order, or none, and with them what `with` writes. Unbounded: the caller waits for the answer
// before it asks for more. Fails with FencedTask where a task has another owner, or none. Threads: as Log's.
void carry_out(Log& log, std::vector<TaskCommit> commits,
               std::function<Status(WriteTransaction&)> with,
               std::function<void(Result<CarriedOut>)> done);

}  // namespace storage
