#include <algorithm>
#include <cctype>

#include "engine/sql/parse.h"

namespace engine {
namespace {

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

}  // namespace

std::string substitute_variables(std::string_view text,
                                 const std::map<std::string, std::string>& variables) {
  std::string result;
  while (true) {
    const size_t start = text.find("${");
    const size_t end = start == std::string_view::npos ? start : text.find('}', start);
    if (end == std::string_view::npos) return result.append(text);
    const std::string_view name = text.substr(start + 2, end - start - 2);
    const auto variable = std::ranges::find_if(
        variables, [&](const auto& entry) { return equal_ignoring_case(entry.first, name); });
    result.append(text.substr(0, start));
    if (variable == variables.end()) {
      // Only the "${" is passed over: another variable may begin inside of what follows.
      result.append("${");
      text.remove_prefix(start + 2);
      continue;
    }
    result.append(variable->second);
    text.remove_prefix(end + 1);
  }
}

}  // namespace engine
