// Encodes rows as compact bytes, for stores of tables and for the journal. Users do not see the
// format, but later versions of the program read it. docs/formats/row.md has the layout and the
// version rule.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/types/column.h"

namespace engine {

// Appends one row: a null bit for each column, then the values that are not null.
void encode_row(std::span<const Column* const> columns, size_t row, std::string& out);

// Appends the row to the columns, which must have the types of the encoded columns. Strings are
// copied, or they are views into `bytes`. Fails with CorruptRecord; the columns may then be of
// unequal length.
enum class RowStrings { Copy, View };
Status decode_row(std::string_view bytes, std::span<Column* const> columns, RowStrings strings);

// Decodes a row into row `row` of the columns, which must be null there; no column may be nested.
// Strings are copied.
Status decode_row_at(std::string_view bytes, std::span<Column* const> columns, size_t row);

}  // namespace engine
