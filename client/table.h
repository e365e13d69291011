// Formats tables for people. Each column is as wide as its contents; numbers are aligned to the
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

// Formats the rows. Each row has one cell for each column.
std::string format_table(const std::vector<Column>& columns,
                         const std::vector<std::vector<std::string>>& rows);

}  // namespace client
