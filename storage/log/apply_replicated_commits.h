// Applies commits of tasks to this node's log. The commits are already in a replicated journal, so
// this node cannot refuse them.
#pragma once
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "storage/log/log.h"

namespace storage {

struct CarriedOut {
  CommitId commit;
  std::vector<AppendedBatch> journalled;  // position of each commit in the journal of tasks
};

// Applies all commits in their order, together with the writes of `with`, or nothing. Fails with
// FencedTask if one of the tasks has another owner or no owner. The queue for these requests has no
// limit, so the caller must wait for the answer before it sends more.
//
// Threads: any.
void apply_replicated_commits(Log& log, std::vector<TaskCommit> commits,
                              std::function<Status(WriteTransaction&)> with,
                              std::function<void(Result<CarriedOut>)> done);

// Begins tasks like Log::begin_tasks(), for tasks whose commits up to the given sequences were
// applied on another node. The next commit of each task must therefore have the next sequence
// number. If a task exists in this log already, its stored row does not change, and so its position
// in the journal of tasks does not change either.
void begin_tasks_behind(Log& log, std::vector<std::pair<std::string, TaskSequence>> tasks,
                        std::function<void(Result<TaskStarts>)> done);

}  // namespace storage
