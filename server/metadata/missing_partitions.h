// Partitions of topics that are defined, in this node's log.
#pragma once
#include "storage/log/log.h"
#include "storage/meta/topic_table.h"

namespace server {

// Makes those that are not there, and waits; what fails is told in the log.
void make_missing_partitions(storage::Log& log, const storage::TopicInfo& topic);

}  // namespace server
