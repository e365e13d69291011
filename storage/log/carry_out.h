// Commits of tasks that were decided elsewhere, as this log takes them.
#pragma once
#include <functional>
#include <string>
#include <utility>
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

// Tasks that have committed elsewhere, up to these sequences: they begin here, and the next commit of each is the one
// behind. Of those that are there already nothing is kept but their place in the journal of tasks.
void begin_tasks_behind(Log& log, std::vector<std::pair<std::string, TaskSequence>> tasks,
                        std::function<void(Result<TaskStarts>)> done);

}  // namespace storage
