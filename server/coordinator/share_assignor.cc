#include "server/coordinator/share_assignor.h"

#include <algorithm>

namespace server::coordinator {

std::vector<AssignedPartitions> assign_simple(size_t member_count,
                                              const std::vector<SharedTopic>& topics) {
  std::vector<AssignedPartitions> assigned(member_count);
  // The position in the list of members at which the assignment of the next topic begins. Without
  // it, topics with few partitions would all be assigned to the first members.
  size_t turn = 0;
  for (const SharedTopic& topic : topics) {
    const size_t members = topic.members.size();
    const auto partitions = static_cast<size_t>(std::max(topic.partition_count, 0));
    if (members == 0 || partitions == 0) continue;
    for (size_t i = 0; i < std::max(members, partitions); ++i)
      assigned[topic.members[(turn + i) % members]].push_back(
          {topic.id, static_cast<int32_t>(i % partitions)});
    turn += std::max(members, partitions);
  }
  for (AssignedPartitions& each : assigned) std::ranges::sort(each);
  return assigned;
}

}  // namespace server::coordinator
