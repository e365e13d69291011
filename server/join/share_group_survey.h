// Finds the share groups in a log, because a cluster does not support them yet.
#pragma once
#include <set>
#include <string>

#include "storage/log/log.h"
#include "storage/meta/topic_table.h"

namespace server {

// Returns the ids of the share groups. Reads all records of `topic`, which must be
// __consumer_offsets.
Result<std::set<std::string>> share_groups_in(storage::Log& log, const storage::TopicInfo& topic);

}  // namespace server
