// Converts tasks of queries to tasks of queries that the nodes of a cluster share (docs/adr/0094).
#pragma once
#include <string>
#include <vector>

#include "server/metadata/image.h"
#include "storage/log/log.h"
#include "storage/state/state_store.h"

namespace server {

// Returns one more commit for each task that has written records, which only sets the sequences of
// its outputs to 0. A task has one producer for its outputs for its whole life, and its journal
// holds the next sequence of each partition. In a cluster the task has another producer, the same
// on all nodes, which no partition has seen yet: its sequences begin at 0 everywhere. No record is
// lost or doubled by that, since a single server commits the outputs of a task together with the
// journal entry about them: none is in flight.
//
// Fails with DataCorrupted, which names the query, if a task is damaged.
Result<std::vector<storage::TaskCommit>> handover_commits(
    storage::Log& log, const storage::StateStore& state,
    const std::vector<DefinedQueryPtr>& queries);

}  // namespace server
