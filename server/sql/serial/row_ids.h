// Generates ids for rows of tables without a primary key.
#pragma once
#include <cstddef>
#include <cstdint>

#include "engine/types/column.h"

namespace server {

// Returns the column with a generated row id in place of each NULL. An id has 16 bytes and is never
// generated twice. It is greater than all earlier ids of this process, so that tables show rows in
// the order in which they were written (docs/adr/0053).
engine::ColumnPtr with_row_ids(const engine::Column& column, size_t rows);

}  // namespace server
