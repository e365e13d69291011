// The columns of the rows in a file. They come from a CSV header, from the first lines, or from the
// property "columns". The rows are converted to JSON objects with these columns.
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

// The types that a value may have in the JSON object. Decimal: any JSON number. Varchar: a text; it
// is also used for all SQL types that are not listed here.
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

// Returns, for each column, the narrowest type that has all of its values; VARCHAR for a column
// without values. `rows` may have fewer or more fields than `names`.
RowColumns infer_csv_columns(const std::vector<std::string>& names,
                             std::span<const CsvFields> rows);
// Returns the members of the JSON objects, in the order of their first occurrence. A member is
// VARCHAR if its values have several types, or if it is an array or an object. Lines that are not
// JSON objects are ignored.
RowColumns infer_json_columns(std::span<const std::string_view> lines);

// Returns the name in the catalog of the stream that a connector fills. It is the connector's name
// in upper case, if that name needs no quotes.
std::string source_name_of(std::string_view connector);

// Returns the columns in the syntax of CREATE STREAM, for example "ID BIGINT, `first name`
// VARCHAR".
std::string columns_sql(const RowColumns& columns);

// Parses the column definitions of a CREATE STREAM. Names without quotes become upper case, as in SQL.
RowColumns row_columns_of_sql(std::string_view sql);

// Returns the JSON object for a CSV row. `names` are the names of the fields in the file. A field
// has the type of the column in `columns` with the same name (letter case is ignored); without such
// a column it is a text. Fails with BadCopyFormat if the row has another number of fields, and with
// InvalidText or OutOfRange if a value does not have its type.
Result<std::string> csv_row_as_json(const std::vector<std::string>& names, const CsvFields& row,
                                    const RowColumns& columns);

// Return the columns as JSON, for the state of a connector: [{"name":"id","type":"BIGINT"}].
std::string row_columns_json(const RowColumns& columns);
Result<RowColumns> parse_row_columns(std::string_view json);

}  // namespace engine
