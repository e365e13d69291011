// What consumers write into the metadata and assignments that the classic protocol carries for them:
// ConsumerProtocolSubscription and ConsumerProtocolAssignment.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace server::coordinator {

inline constexpr std::string_view kConsumerProtocolType = "consumer";

// Nothing when it is no subscription.
std::optional<std::vector<std::string>> read_subscribed_topics(std::string_view metadata);

}  // namespace server::coordinator
