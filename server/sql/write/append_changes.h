// In a cluster, appends rows that were computed from rows read before: each change is sent to the
// leader of its partition (docs/adr/0076).
#pragma once
#include <string>
#include <vector>

#include "server/sql/cluster_topics.h"
#include "server/sql/session.h"

namespace server {

// Appends the changes; sessions of this node see all of them or none. Waiting changes are charged
// to the memory budget. The append continues if its session ends.
void append_changes(SqlParts& parts, std::vector<ClusterTopics::Change> changes,
                    ClusterTopics::ChangesDone done);
// Appends all `changes` in one transaction: all of them or none.
void commit_changes(SqlParts& parts, std::vector<ClusterTopics::Change> changes,
                    ClusterTopics::CommitDone done);

// Joins batches that lie back to back into one batch with all their records, for rows that must
// appear together.
std::string joined_batches(const std::string& batches);

}  // namespace server
