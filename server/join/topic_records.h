// All that a topic keeps, for who looks through it before the server joins a cluster.
#pragma once
#include <functional>
#include <string_view>

#include "storage/log/log.h"
#include "storage/meta/topic_table.h"

namespace server {

// Each batch of each partition in order, until one is refused. The bytes are there for as long as the call.
Status for_each_batch(storage::Log& log, const storage::TopicInfo& topic,
                      const std::function<Status(std::string_view bytes)>& visit);

}  // namespace server
