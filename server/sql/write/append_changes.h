// Appends rows that were computed from rows read before, in a cluster: each part is sent to the
// leader of its partition (docs/adr/0076).
#pragma once
#include <string>
#include <vector>

#include "server/sql/cluster_topics.h"
#include "server/sql/session.h"

namespace server {

// Appends the parts; sessions of this node see all of them or none. Waiting parts are charged to
// the memory budget. The call outlives its session.
void append_changes(SqlParts& parts, std::vector<ClusterTopics::Change> changes,
                    ClusterTopics::ChangesDone done);
// Appends the parts as one transaction: all or none.
void commit_changes(SqlParts& parts, std::vector<ClusterTopics::Change> changes,
                    ClusterTopics::CommitDone done);

// Joins batches that lie back to back into one of their total size, for rows that must appear
// together.
std::string joined_batches(const std::string& batches);

}  // namespace server
