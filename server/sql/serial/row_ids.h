// The generated id of a row without a key of its own.
#pragma once
#include <cstddef>
#include <cstdint>

#include "engine/types/column.h"

namespace server {

// Returns the column with a row id in place of each NULL. An id has 16 bytes, is never given twice,
// and is greater than all earlier ids of this process, so that tables show rows in the order in
// which the rows were written (docs/adr/0053).
engine::ColumnPtr with_row_ids(const engine::Column& column, size_t rows);

}  // namespace server
