// The columns of the rows in a file: from a CSV header, from the first lines, or from the property "columns". The rows
// become JSON objects.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/connect/delimited_text.h"

namespace engine {

// The types that a value of a row may have as JSON. Decimal: any JSON number; Varchar: a text, also for all types of SQL
// that are not listed.
enum class RowType : uint8_t { Boolean, Int, Bigint, Double, Decimal, Varchar };
// Returns the name in SQL: "BIGINT".
std::string_view row_type_name(RowType type);

struct RowColumn {
  std::string name;  // the name of the column in the file
  RowType type = RowType::Varchar;
  bool operator==(const RowColumn&) const = default;
};
using RowColumns = std::vector<RowColumn>;

// The number of lines from which columns are inferred.
inline constexpr size_t kLinesToInfer = 100;

// Returns the narrowest type for all values of each column; a column without a value is VARCHAR. `rows` may have fewer
// or more fields than `names`.
RowColumns infer_csv_columns(const std::vector<std::string>& names,
                             std::span<const CsvFields> rows);
// Returns the members of the JSON objects, in the order of their first occurrence. A member with several types, an
// array or an object is VARCHAR. Lines that are not JSON objects are left out.
RowColumns infer_json_columns(std::span<const std::string_view> lines);

// Returns the name of the stream of a connector in the catalog: the connector's name in capitals, if this needs
// no quotes.
std::string source_name_of(std::string_view connector);

// Returns the columns in the syntax of CREATE STREAM, for example "ID BIGINT, `first name`
// VARCHAR".
std::string columns_sql(const RowColumns& columns);

// Parses the column definitions of a CREATE STREAM. Names without quotes become upper case, as in SQL.
RowColumns row_columns_of_sql(std::string_view sql);

// Returns the JSON object of a CSV row. `names` are the columns of the file. A column gets the type of the column with
// the same name in `columns`, regardless of letter case; all others are text. Fails with BadCopyFormat if the row has
// another number of fields, and with InvalidText or OutOfRange if a value is not of its type.
Result<std::string> csv_row_as_json(const std::vector<std::string>& names, const CsvFields& row,
                                    const RowColumns& columns);

// Return the columns as JSON, for the state of a connector: [{"name":"id","type":"BIGINT"}].
std::string row_columns_json(const RowColumns& columns);
Result<RowColumns> parse_row_columns(std::string_view json);

}  // namespace engine
