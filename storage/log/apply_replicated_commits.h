// Applies commits of tasks, which a replicated journal has decided, to this log.
#pragma once
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "storage/log/log.h"

namespace storage {

struct CarriedOut {
  CommitId commit;
  std::vector<AppendedBatch> journalled;  // place of each commit in the journal of tasks
};

// Applies all commits in their order, together with the writes of `with`, or nothing. Fails with
// FencedTask if a task has another owner, or none. The queue has no limit, so the caller waits for
// the answer before it sends more.
//
// Threads: any, like Log's.
void apply_replicated_commits(Log& log, std::vector<TaskCommit> commits,
               std::function<Status(WriteTransaction&)> with,
               std::function<void(Result<CarriedOut>)> done);

// Begins tasks that have committed elsewhere, up to the given sequences: the next commit of each
// task must have the next sequence number. A task that exists already keeps only its place in the
// journal of tasks.
void begin_tasks_behind(Log& log, std::vector<std::pair<std::string, TaskSequence>> tasks,
                        std::function<void(Result<TaskStarts>)> done);

}  // namespace storage
