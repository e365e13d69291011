// Divides partitions among the members of a consumer group: Kafka's server-side assignors.
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
  std::vector<size_t> members;  // by their index below, in ascending order
};
struct AssignorInput {
  // All lists of members are ordered: instances by their name, then other members by their id.
  std::vector<AssignedPartitions> before;  // the previous target of each member
  std::vector<SubscribedTopic> topics;     // each with at least one subscriber
};

// The new target of each member: every partition of a topic is assigned to one of its subscribers.
using Assignor = std::vector<AssignedPartitions> (*)(const AssignorInput& input);

// Balanced, and with as few moves as possible: no member has two partitions more than another one that could take one
// of them.
std::vector<AssignedPartitions> assign_uniform(const AssignorInput& input);
// Each member gets a range of neighbouring partitions of a topic. Topics with the same number of partitions and the
// same subscribers get equal ranges, so that they can be joined.
std::vector<AssignedPartitions> assign_range(const AssignorInput& input);

inline constexpr std::string_view kUniformAssignor = "uniform";  // the default
// Null if no assignor has the name.
Assignor find_assignor(std::string_view name);

}  // namespace server::coordinator
