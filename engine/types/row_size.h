// About how many bytes rows take once they are written, so that they can be written in parts, or once
// they are copied.
#pragma once
#include <cstddef>
#include <span>

#include "engine/types/column.h"

namespace engine {

// Adds to each of `bytes` what one row of the column holds, beginning with the row `first`. Strings
// count for each row that shows them, also where rows share them. What comes out for a row depends on
// that row alone.
void add_row_bytes(const Column& column, size_t first, std::span<size_t> bytes);

// What Column::append_from takes for the row: its strings whole, also where rows share them.
size_t copied_bytes(const Column& column, size_t row);

}  // namespace engine
