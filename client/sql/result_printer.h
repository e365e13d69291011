// Formats the rows of a statement as text: an aligned table as psql prints it, CSV, or one JSON object per line.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace client {

enum class ResultFormat : uint8_t { Table, Csv, Json };
// Parses "table", "csv" or "json". Fails with InvalidParameter.
Result<ResultFormat> parse_result_format(std::string_view name);

struct ResultColumn {
  std::string name;
  uint32_t type = 0;  // PostgreSQL's number of the type
};
using Cell = std::optional<std::string_view>;  // PostgreSQL's text form; none: NULL

// Formats the rows of one statement. The caller calls begin(), row() for each row, and end();
// between rows it may call pause().
class ResultPrinter {
 public:
  virtual ~ResultPrinter() = default;
  virtual void begin(std::vector<ResultColumn> columns) = 0;
  virtual void row(std::span<const Cell> cells) = 0;
  // Called if no further row arrives for the time being. Prints rows that were held back to find
  // the widths of the columns.
  virtual void pause() {}
  virtual void end() = 0;

  // Returns the text since the last call.
  std::string take() { return std::exchange(text_, {}); }

 protected:
  std::string text_;
};

// Returns a printer for the format. If `rows_only` is true, a table has neither titles nor the
// number of rows, and CSV has no titles.
std::unique_ptr<ResultPrinter> make_result_printer(ResultFormat format, bool rows_only);

// Returns the text in double quotes, with its own quotes doubled.
std::string csv_quoted(std::string_view text);

// Converts a value to JSON. Numbers, booleans, arrays and JSON keep their types; values of all
// other types become strings.
std::string to_json(const Cell& cell, uint32_t type);

}  // namespace client
