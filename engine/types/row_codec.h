// Rows as compact bytes: what table stores keep and the journal repeats. Not a
// format that users see, but one that outlives a process: see docs/formats/row.md for the layout
// and its version rule.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/types/column.h"

namespace engine {

// Appends one row: a null bit for each column, then the values that are there.
void encode_row(std::span<const Column* const> columns, size_t row, std::string& out);

// Appends the row to the columns, which must have the types it was written with; strings are copied
// when `copy_strings`, else they are views into `bytes`. Fails with CorruptRecord; the columns may
// then be of unequal length.
enum class RowStrings { Copy, View };
Status decode_row(std::string_view bytes, std::span<Column* const> columns, RowStrings strings);

// The same into a row that the columns have already, of nulls; none of them is nested. Strings are copied.
Status decode_row_at(std::string_view bytes, std::span<Column* const> columns, size_t row);

}  // namespace engine
