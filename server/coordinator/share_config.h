// Settings of a share group, and other facts that its coordinator and the leaders of its partitions look up.
#pragma once
#include <string>
#include <string_view>

#include "server/coordinator/group_surroundings.h"

namespace server::coordinator {

inline int64_t share_group_number(const GroupSurroundings& around, const std::string& group,
                                  std::string_view name, int64_t by_default) {
  return storage::group_config_number(*around.configs(), group, name).value_or(by_default);
}

inline bool share_group_reads_committed(const GroupSurroundings& around, const std::string& group) {
  return storage::group_config_text(*around.configs(), group, storage::kShareIsolationLevel) ==
         "read_committed";
}

// Returns whether the partition exists.
inline bool is_topic_partition(const GroupSurroundings& around, const TopicIdPartition& id) {
  const auto topics = around.topics();
  const storage::TopicInfo* topic = topics->find(id.topic_id);
  return topic && id.partition >= 0 && id.partition < topic->partition_count;
}

}  // namespace server::coordinator
