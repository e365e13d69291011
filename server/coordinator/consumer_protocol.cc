#include "server/coordinator/consumer_protocol.h"

#include "server/coordinator/record_codec.h"

namespace server::coordinator {

// Version, topics, and what later versions have behind them; never flexible.
std::optional<std::vector<std::string>> read_subscribed_topics(std::string_view metadata) {
  RecordReading in(metadata);
  if (in.number<int16_t>() < 0 || !in.ok()) return std::nullopt;
  std::vector<std::string> topics;
  const size_t count = in.array().value_or(0);
  constexpr size_t kMostTopics = 100'000;
  if (count > kMostTopics) return std::nullopt;
  for (size_t i = 0; i < count && in.ok(); ++i) topics.push_back(in.text());
  if (!in.ok()) return std::nullopt;
  return topics;
}

void for_each_assigned(
    std::string_view assignment,
    const std::function<void(const std::string& topic, int32_t partition)>& each) {
  RecordReading in(assignment);
  if (in.number<int16_t>() < 0) return;
  const size_t topics = in.array().value_or(0);
  for (size_t i = 0; i < topics && in.ok(); ++i) {
    const std::string topic = in.text();
    const size_t count = in.array().value_or(0);
    for (size_t j = 0; j < count && in.ok(); ++j) {
      const auto partition = in.number<int32_t>();
      if (in.ok()) each(topic, partition);
    }
  }
}

}  // namespace server::coordinator
