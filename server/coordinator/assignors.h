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
  std::vector<size_t> members;  // indexes into AssignorInput::before, in ascending order
};
struct AssignorInput {
  // Lists of members are in this order: first members with an instance id, by that id; then the others, by member id.
  std::vector<AssignedPartitions> before;  // the previous target of each member
  std::vector<SubscribedTopic> topics;     // each with at least one subscriber
};

// Returns the new target of each member. Every partition of a topic is assigned to one subscriber of the topic.
using Assignor = std::vector<AssignedPartitions> (*)(const AssignorInput& input);

// Balances the members with as few moves as possible: no member has two partitions more than another member that could
// take one of these partitions.
std::vector<AssignedPartitions> assign_uniform(const AssignorInput& input);
// Gives each member a range of neighbouring partitions of a topic. Topics with the same number of partitions and the
// same subscribers get equal ranges, so that they can be joined.
std::vector<AssignedPartitions> assign_range(const AssignorInput& input);

inline constexpr std::string_view kUniformAssignor = "uniform";  // the default
// Returns null if no assignor has the name.
Assignor find_assignor(std::string_view name);

}  // namespace server::coordinator
