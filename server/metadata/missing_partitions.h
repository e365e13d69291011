// Creates partitions of defined topics in this node's log.
#pragma once
#include "storage/log/log.h"
#include "storage/meta/topic_table.h"

namespace server {

// Creates the missing partitions and waits; a failure is logged.
void make_missing_partitions(storage::Log& log, const storage::TopicInfo& topic);

}  // namespace server
