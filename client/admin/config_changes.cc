#include "client/admin/config_changes.h"

#include <fmt/format.h>

#include <algorithm>

namespace client {

namespace {

// Returns the end of the first setting in the text: the first comma outside of brackets, or the end
// of the text.
size_t end_of_part(std::string_view text) {
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '[') ++depth;
    if (text[i] == ']') --depth;
    if (text[i] == ',' && depth <= 0) return i;
  }
  return text.size();
}

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(' ');
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(' ') + 1 - first);
}

}  // namespace

std::vector<std::string> split_config_list(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t end = end_of_part(text);
    if (const std::string_view part = trimmed(text.substr(0, end)); !part.empty())
      parts.emplace_back(part);
    text.remove_prefix(std::min(text.size(), end + 1));
  }
  return parts;
}

Result<Properties> parse_config_additions(std::string_view text) {
  Properties settings;
  for (const std::string& part : split_config_list(text)) {
    const size_t equals = part.find('=');
    if (equals == part.npos || equals == 0)
      return Error{
          ErrorCode::InvalidParameter,
          fmt::format("Invalid entity config: all configs to be added must be in the format "
                      "\"key=val\" or \"key=[val]\", not \"{}\"",
                      part)};
    std::string_view value = trimmed(std::string_view(part).substr(equals + 1));
    if (value.starts_with('[') && value.ends_with(']')) value = value.substr(1, value.size() - 2);
    settings[std::string(trimmed(std::string_view(part).substr(0, equals)))] = value;
  }
  return settings;
}

}  // namespace client
