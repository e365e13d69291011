// Reads all records of a topic, for checks before a server joins a cluster.
#pragma once
#include <functional>
#include <string_view>

#include "storage/log/log.h"
#include "storage/meta/topic_table.h"

namespace server {

// Calls `visit` for each batch of each partition, in order. Stops at its first error. The bytes are
// valid during the call.
Status for_each_batch(storage::Log& log, const storage::TopicInfo& topic,
                      const std::function<Status(std::string_view bytes)>& visit);

}  // namespace server
