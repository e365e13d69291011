// What a row without a key of its own is known by.
#pragma once
#include <cstddef>
#include <cstdint>

#include "engine/types/column.h"

namespace server {

// The column with a row id wherever it has NULL: 16 bytes, which nobody gives twice, each greater than those that this
// process gave before, so that tables show rows in the order in which they were written (docs/adr/0053).
engine::ColumnPtr with_row_ids(const engine::Column& column, size_t rows);

}  // namespace server
