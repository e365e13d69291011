// How a coordinator divides partitions among the members of a consumer group: Kafka's server-side assignors.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/coordinator/consumer_member.h"

namespace server::coordinator {

struct SubscribedTopic {
  Uuid id;
  int32_t partition_count = 0;
  std::vector<size_t> members;  // by their place below, in ascending order
};
struct AssignorInput {
  // In the order in which they come first: instances by their name, then others by their id.
  std::vector<AssignedPartitions> before;  // what each member was to have
  std::vector<SubscribedTopic> topics;     // each with a subscriber at least
};

// What each member is to have: every partition of a topic belongs to one of its subscribers.
using Assignor = std::vector<AssignedPartitions> (*)(const AssignorInput& input);

// Balanced, and as much as possible stays where it is: nobody has two partitions more than another who could
// have one of them.
std::vector<AssignedPartitions> assign_uniform(const AssignorInput& input);
// Of each topic a range of neighbours, the same for topics with as many partitions and the same subscribers, so
// that they can be joined.
std::vector<AssignedPartitions> assign_range(const AssignorInput& input);

inline constexpr std::string_view kUniformAssignor = "uniform";  // unless somebody asks for another
// Null when there is none of the name.
Assignor find_assignor(std::string_view name);

}  // namespace server::coordinator
