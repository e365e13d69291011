// Converts lists of partitions by topic id, which requests about consumer groups contain.
#pragma once
#include <algorithm>
#include <vector>

#include "server/coordinator/group_messages.h"

namespace server::kafka {

// Returns the partitions, sorted and without duplicates.
template <class Topics>
std::vector<coordinator::TopicIdPartition> to_partitions(const Topics& topics) {
  std::vector<coordinator::TopicIdPartition> all;
  for (const auto& topic : topics)
    for (const int32_t partition : topic.partitions) all.push_back({topic.topic_id, partition});
  std::ranges::sort(all);
  all.erase(std::ranges::unique(all).begin(), all.end());
  return all;
}

// Adds an element for each topic id, with the topic's partitions. `partitions` is sorted. `begin`
// sets the other fields of a new element.
template <class Topics, class Begin>
void add_topics_of(const std::vector<coordinator::TopicIdPartition>& partitions, Topics& to,
                   Begin begin) {
  for (const auto& each : partitions) {
    if (to.empty() || to.back().topic_id != each.topic_id) {
      to.emplace_back().topic_id = each.topic_id;
      begin(to.back());
    }
    to.back().partitions.push_back(each.partition);
  }
}

}  // namespace server::kafka
