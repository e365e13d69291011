// In a cluster: rows that were made of what was read go to whoever leads their partitions (docs/adr/0076).
#pragma once
#include <string>
#include <vector>

#include "server/sql/cluster_topics.h"
#include "server/sql/session.h"

namespace server {

// Sessions of this node see all of it or none. What waits counts against the memory. It outlives its session.
void append_changes(SqlParts& parts, std::vector<ClusterTopics::Change> changes,
                    ClusterTopics::ChangesDone done);
// The same as one transaction: all parts or none.
void commit_changes(SqlParts& parts, std::vector<ClusterTopics::Change> changes,
                    ClusterTopics::CommitDone done);

// Of batches back to back one, as large as they are together; for rows that must be there together.
std::string joined_batches(const std::string& batches);

}  // namespace server
