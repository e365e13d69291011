#include "server/metadata/missing_partitions.h"

#include "base/log.h"

namespace server {

void make_missing_partitions(storage::Log& log, const storage::TopicInfo& topic) {
  if (log.find_partition({topic.id, PartitionId{topic.partition_count - 1}})) return;
  const Status made = storage::create_partitions_and_wait(log, topic.id, topic.partition_count);
  if (!made)
    log_error("partitions not created topic={} error=\"{}\"", topic.name, made.error().message);
}

}  // namespace server
