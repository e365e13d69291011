#include "client/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace client {

std::string format_table(const std::vector<Column>& columns,
                         const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (size_t i = 0; i < columns.size(); ++i) {
    size_t width = columns[i].title.size();
    for (const std::vector<std::string>& row : rows) {
      assert(row.size() == columns.size());
      width = std::max(width, row[i].size());
    }
    widths.push_back(width);
  }
  std::string text;
  const auto add_line = [&](const auto& cell) {
    std::string line;
    for (size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) line += "  ";
      line += columns[i].align == Column::Align::Right ? fmt::format("{:>{}}", cell(i), widths[i])
                                                       : fmt::format("{:<{}}", cell(i), widths[i]);
    }
    line.resize(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  };
  add_line([&](size_t i) -> const std::string& { return columns[i].title; });
  for (const std::vector<std::string>& row : rows)
    add_line([&](size_t i) -> const std::string& { return row[i]; });
  return text;
}

}  // namespace client
