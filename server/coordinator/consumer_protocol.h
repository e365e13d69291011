// What consumers write into the metadata and assignments that the classic protocol carries for them:
// ConsumerProtocolSubscription and ConsumerProtocolAssignment.
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

// Nothing when it is no subscription, or one of more topics than anybody has.
std::optional<std::vector<std::string>> read_subscribed_topics(std::string_view metadata);
// Calls `each` for what is assigned, as far as it can be read. Nothing is gathered: a few bytes of a
// client may name the same long topic millions of times.
void for_each_assigned(
    std::string_view assignment,
    const std::function<void(const std::string& topic, int32_t partition)>& each);

struct ConsumerSubscription {
  std::vector<std::string> topics;      // sorted, each once
  std::vector<TopicIdPartition> owned;  // likewise; of topics that are there
};
std::optional<ConsumerSubscription> read_subscription(std::string_view metadata,
                                                      const storage::TopicSnapshot& topics);
// Sorted, each once; of topics that are there.
std::vector<TopicIdPartition> read_assignment(std::string_view assignment,
                                              const storage::TopicSnapshot& topics);
std::string write_subscription(const std::vector<std::string>& topics);
// `partitions` is sorted; without those of topics that are not there any more.
std::string write_assignment(const std::vector<TopicIdPartition>& partitions,
                             const storage::TopicSnapshot& topics);

}  // namespace server::coordinator
