// Appends rows that were computed from other rows, in a cluster. Each change is sent to the leader
// of its partition. The leader refuses it if other rows with the same keys were written in the
// meantime (docs/adr/0076).
#pragma once
#include <string>
#include <vector>

#include "server/sql/cluster_topics.h"
#include "server/sql/session.h"

namespace server {

// Appends the changes. Other sessions of this node see either all of them or none. The memory of
// waiting changes is charged to the budget. The append continues even if its session ends.
void append_changes(SqlParts& parts, std::vector<ClusterTopics::Change> changes,
                    ClusterTopics::ChangesDone done);
// Appends all `changes` in one transaction: all of them or none.
void commit_changes(SqlParts& parts, std::vector<ClusterTopics::Change> changes,
                    ClusterTopics::CommitDone done);

// Joins successive batches into one batch with all their records. Used for rows that must become
// visible together.
std::string joined_batches(const std::string& batches);

}  // namespace server
