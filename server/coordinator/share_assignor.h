// How a share group's partitions are given to its members: Kafka's "simple" assignor. A partition may have many
// members, and each is read by one at least.
#pragma once
#include <cstddef>
#include <string_view>
#include <vector>

#include "server/coordinator/consumer_member.h"

namespace server::coordinator {

inline constexpr std::string_view kSimpleAssignor = "simple";

struct SharedTopic {
  Uuid id;
  int32_t partition_count = 0;
  std::vector<size_t> members;  // that subscribe to it, in ascending order
};
// What each of so many members reads. Of a topic everybody who subscribes to it has the same, give or take one
// partition, or where there are fewer partitions, each partition as many members, give or take one.
std::vector<AssignedPartitions> assign_simple(size_t member_count,
                                              const std::vector<SharedTopic>& topics);

}  // namespace server::coordinator
