// Assigns a share group's partitions to its members: Kafka's "simple" assignor. A partition may be assigned to many
// members, and is assigned to at least one.
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
  std::vector<size_t> members;  // indexes of the topic's subscribers, in ascending order
};
// Returns the partitions of each of `member_count` members. The subscribers of a topic get equal
// numbers of its partitions, up to a difference of one. If the topic has fewer partitions than
// subscribers, each partition gets about the same number of members instead.
std::vector<AssignedPartitions> assign_simple(size_t member_count,
                                              const std::vector<SharedTopic>& topics);

}  // namespace server::coordinator
