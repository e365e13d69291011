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
  // All lists of members have the same order: first the members with an instance id, sorted by it,
  // then the others, sorted by member id.
  std::vector<AssignedPartitions> before;  // the previous target of each member
  std::vector<SubscribedTopic> topics;     // each with at least one subscriber
};

// Returns the new target of each member. Every partition of a topic is assigned to one of the
// topic's subscribers.
using Assignor = std::vector<AssignedPartitions> (*)(const AssignorInput& input);

// Balances the partitions between the members with as few moves as possible. A member has at most
// one partition more than any other member that could take one of its partitions.
std::vector<AssignedPartitions> assign_uniform(const AssignorInput& input);
// Gives each member a range of consecutive partitions of each topic. Topics with the same number of
// partitions and the same subscribers are divided into the same ranges, so that a member gets
// matching partitions of topics that it joins.
std::vector<AssignedPartitions> assign_range(const AssignorInput& input);

inline constexpr std::string_view kUniformAssignor = "uniform";  // the default
// Returns null if no assignor has the name.
Assignor find_assignor(std::string_view name);

}  // namespace server::coordinator
