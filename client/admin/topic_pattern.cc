#include "client/admin/topic_pattern.h"

#include <fmt/format.h>
#include <unicode/uregex.h>

#include <algorithm>
#include <memory>

namespace client {

namespace {

using Regex = Owned<URegularExpression, uregex_close>;

// Time limit for one match, in steps of about a millisecond, since some patterns would otherwise
// run almost for ever.
constexpr int32_t kMostSteps = 1000;

std::u16string widened(std::string_view ascii) {
  std::u16string wide;
  for (const char c : ascii) wide += static_cast<unsigned char>(c);
  return wide;
}

bool matches(URegularExpression& regex, std::string_view name) {
  UErrorCode status = U_ZERO_ERROR;
  const std::u16string wide = widened(name);
  uregex_setText(&regex, wide.data(), static_cast<int32_t>(wide.size()), &status);
  return uregex_matches(&regex, 0, &status) && U_SUCCESS(status);
}

}  // namespace

Result<std::vector<TopicDescription>> matching(std::vector<TopicDescription> topics,
                                               std::string pattern) {
  std::ranges::replace(pattern, ',', '|');
  UErrorCode status = U_ZERO_ERROR;
  const std::u16string wide = widened(pattern);
  const Regex regex(
      uregex_open(wide.data(), static_cast<int32_t>(wide.size()), 0, nullptr, &status));
  if (!regex || U_FAILURE(status))
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("\"{}\" is not a regular expression", pattern)};
  uregex_setTimeLimit(regex.get(), kMostSteps, &status);
  std::erase_if(topics,
                [&](const TopicDescription& topic) { return !matches(*regex, topic.name); });
  return topics;
}

}  // namespace client
