// Tasks of queries become those of queries that the nodes of a cluster share (docs/adr/0094).
#pragma once
#include <string>
#include <vector>

#include "server/metadata/image.h"
#include "storage/log/log.h"
#include "storage/state/state_store.h"

namespace server {

// A task has one producer for its outputs for life, and its journal tells which sequence each partition gets next. In a
// cluster the producer is another one, the same on all nodes, of which no partition knows anything: its sequences begin at 0
// everywhere. Nothing is lost or doubled by that, since a server that is alone commits a task's outputs together with the
// entry that tells of them: none is on its way.
//
// So each task that has written something gets one more commit, which changes nothing but those sequences. Fails with
// DataCorrupted, which names the query, where a task is damaged.
Result<std::vector<storage::TaskCommit>> handover_commits(
    storage::Log& log, const storage::StateStore& state,
    const std::vector<DefinedQueryPtr>& queries);

}  // namespace server
