// Which share groups a log keeps: a cluster has none yet.
#pragma once
#include <set>
#include <string>

#include "storage/log/log.h"
#include "storage/meta/topic_table.h"

namespace server {

// Reads all of the topic, which is __consumer_offsets.
Result<std::set<std::string>> share_groups_in(storage::Log& log, const storage::TopicInfo& topic);

}  // namespace server
