#include "server/sql/search_path.h"

#include <algorithm>
#include <cctype>
#include <iterator>

namespace server::sql {

std::vector<std::string> names_of_search_path(std::string_view path) {
  std::vector<std::string> names;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find(',', begin), path.size());
    std::string_view part = path.substr(begin, end - begin);
    begin = end + 1;
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    const bool is_quoted = part.size() > 1 && (part.front() == '"' || part.front() == '\'') &&
                           part.back() == part.front();
    if (is_quoted) part = part.substr(1, part.size() - 2);
    if (part.empty()) continue;
    std::string& name = names.emplace_back(part);
    if (is_quoted) continue;
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return names;
}

std::vector<std::string> schemas_of_search_path(std::string_view path) {
  constexpr std::string_view kSchemas[] = {"public", "pg_catalog", "information_schema",
                                           "millrace_catalog"};
  std::vector<std::string> names = names_of_search_path(path);
  std::erase_if(names, [&](const std::string& name) {
    return std::ranges::find(kSchemas, name) == std::end(kSchemas);
  });
  return names;
}

}  // namespace server::sql
