// Reads and writes the subscriptions and assignments that consumers send as opaque bytes in the
// classic protocol (Kafka's ConsumerProtocolSubscription and ConsumerProtocolAssignment).
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/coordinator/group_messages.h"
#include "storage/meta/topic_table.h"

namespace server::coordinator {

inline constexpr std::string_view kConsumerProtocolType = "consumer";

// Returns nullopt if the metadata cannot be parsed or has more than 100,000 topics.
std::optional<std::vector<std::string>> read_subscribed_topics(std::string_view metadata);
// Calls `each` for each assigned partition, up to the first one that cannot be parsed. The
// partitions are not collected, because a client could name a long topic millions of times in few
// bytes.
void for_each_assigned(
    std::string_view assignment,
    const std::function<void(const std::string& topic, int32_t partition)>& each);

struct ConsumerSubscription {
  std::vector<std::string> topics;      // sorted, without duplicates
  std::vector<TopicIdPartition> owned;  // sorted, without duplicates; existing topics only
};
std::optional<ConsumerSubscription> read_subscription(std::string_view metadata,
                                                      const storage::TopicSnapshot& topics);
// Returns the assigned partitions of existing topics, sorted, without duplicates.
std::vector<TopicIdPartition> read_assignment(std::string_view assignment,
                                              const storage::TopicSnapshot& topics);
std::string write_subscription(const std::vector<std::string>& topics);
// Writes an assignment. `partitions` must be sorted. Partitions of deleted topics are left out.
std::string write_assignment(const std::vector<TopicIdPartition>& partitions,
                             const storage::TopicSnapshot& topics);

}  // namespace server::coordinator
