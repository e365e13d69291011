// Parses and writes the JSON files of kafka-reassign-partitions and kafka-leader-election. Also
// parses lists of nodes in flags.
#pragma once
#include <set>
#include <string>
#include <string_view>

#include "client/admin/replica_plan.h"

namespace client {

// Parses {"version":1,"partitions":[{"topic":"a","partition":0,"replicas":[1,2]}]}. Fails with InvalidParameter.
Result<ReplicaPlan> parse_reassignments(std::string_view text);
// Writes the plan on one line, in the format that parse_reassignments() reads.
std::string to_json(const ReplicaPlan& plan);

// Parses {"version":1,"topics":[{"topic":"a"}]}.
Result<std::set<std::string>> parse_topics_to_move(std::string_view text);

// Parses {"partitions":[{"topic":"a","partition":0}]}.
Result<std::set<TopicPartitionKey>> parse_partitions(std::string_view text);

// Parses "1,2,3". Fails if a node occurs twice, or if a part is not a number.
Result<std::set<int32_t>> parse_node_list(std::string_view text);
// Parses the value of --replica-assignment, such as "1:2,2:3", which lists the replicas of the
// partitions 0, 1 and so on. All partitions must have the same number of replicas. Errors have the
// text of kafka-topics.
Result<std::vector<std::vector<int32_t>>> parse_replica_assignment(std::string_view text);

}  // namespace client
