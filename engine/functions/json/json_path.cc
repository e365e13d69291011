#include "engine/functions/json/json_path.h"

#include <algorithm>

#include "engine/types/ascii.h"

namespace engine {

namespace {

bool is_name_character(char c) {
  constexpr std::string_view kSigns = "_-:$@#/| <>%&+~^";
  return is_ascii_letter(c) || is_ascii_digit(c) || kSigns.find(c) != std::string_view::npos ||
         (static_cast<unsigned char>(c) & 0x80) != 0;
}

}  // namespace

Result<std::vector<std::string>> parse_json_path(std::string_view path) {
  const Error invalid{ErrorCode::InvalidParameter,
                      "Invalid JSON path: '" + std::string(path) + "'"};
  if (!path.starts_with('$')) return invalid;
  std::vector<std::string> steps{"$"};
  for (std::string_view rest = path.substr(1); !rest.empty();) {
    const char begin = rest[0];
    rest.remove_prefix(1);
    size_t size = 0;
    if (begin == '.') {
      size = static_cast<size_t>(std::ranges::find_if_not(rest, is_name_character) - rest.begin());
      if (size == 0) return invalid;
      steps.emplace_back(rest.substr(0, size));
    } else if (begin == '[') {
      const char quote = rest.starts_with('\'') || rest.starts_with('"') ? rest[0] : '\0';
      if (quote != '\0') rest.remove_prefix(1);
      const std::string end = quote == '\0' ? "]" : std::string{quote, ']'};
      size = rest.find(end);
      if (size == std::string_view::npos || size == 0) return invalid;
      steps.emplace_back(rest.substr(0, size));
      size += end.size();
    } else {
      return invalid;
    }
    rest.remove_prefix(size);
  }
  return steps;
}

}  // namespace engine
