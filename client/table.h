// Formats tables for people. Columns are as wide as their contents, and numbers are aligned to the
// right.
#pragma once
#include <string>
#include <vector>

namespace client {

struct Column {
  enum class Align { Left, Right };
  std::string title;
  Align align = Align::Left;
};

// Formats the rows, each of which has as many cells as the table has columns.
std::string format_table(const std::vector<Column>& columns,
                         const std::vector<std::vector<std::string>>& rows);

}  // namespace client
