// Converts the tasks of a single server's queries to tasks of queries that the nodes of a cluster
// share (docs/adr/0094).
#pragma once
#include <string>
#include <vector>

#include "server/metadata/image.h"
#include "storage/log/log.h"
#include "storage/state/state_store.h"

namespace server {

// Returns one more commit for each task that has written records. This commit only sets the next
// sequences of the task's outputs to 0. It is needed because the task gets another producer in a
// cluster. The journal of a task has the next sequence of its producer for each partition. The new
// producer, the same on all nodes, is unknown to all partitions, so its sequences begin at 0. No
// record is lost or duplicated by the change: a single server commits the outputs of a task
// together with the journal entry, so no output is in flight.
//
// Fails with DataCorrupted if a task is damaged; the message names the query.
Result<std::vector<storage::TaskCommit>> handover_commits(
    storage::Log& log, const storage::StateStore& state,
    const std::vector<DefinedQueryPtr>& queries);

}  // namespace server
