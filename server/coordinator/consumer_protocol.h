// What consumers write into the metadata and assignments that the classic protocol carries for them:
// ConsumerProtocolSubscription and ConsumerProtocolAssignment.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace server::coordinator {

inline constexpr std::string_view kConsumerProtocolType = "consumer";

// Nothing when it is no subscription, or one of more topics than anybody has.
std::optional<std::vector<std::string>> read_subscribed_topics(std::string_view metadata);
// Calls `each` for what is assigned, as far as it can be read. Nothing is gathered: a few bytes of a
// client may name the same long topic millions of times.
void for_each_assigned(
    std::string_view assignment,
    const std::function<void(const std::string& topic, int32_t partition)>& each);

}  // namespace server::coordinator
