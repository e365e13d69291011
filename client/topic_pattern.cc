#include "client/topic_pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <regex>

namespace client {

// std::regex throws; the exception ends here.
Result<std::vector<TopicDescription>> matching(std::vector<TopicDescription> topics,
                                               std::string pattern) {
  std::ranges::replace(pattern, ',', '|');
  try {
    const std::regex regex(pattern);
    std::erase_if(topics, [&](const TopicDescription& topic) {
      return !std::regex_match(topic.name, regex);
    });
    return topics;
  } catch (const std::regex_error&) {
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("\"{}\" is not a regular expression", pattern)};
  }
}

}  // namespace client
