#include "server/coordinator/consumer_protocol.h"

#include "server/coordinator/record_codec.h"

namespace server::coordinator {

// Version, topics, and what later versions have behind them; never flexible.
std::optional<std::vector<std::string>> read_subscribed_topics(std::string_view metadata) {
  RecordReading in(metadata);
  if (in.number<int16_t>() < 0 || !in.ok()) return std::nullopt;
  std::vector<std::string> topics;
  const size_t count = in.array().value_or(0);
  for (size_t i = 0; i < count && in.ok(); ++i) topics.push_back(in.text());
  if (!in.ok()) return std::nullopt;
  return topics;
}

}  // namespace server::coordinator
