// Rows that a SELECT gives, as columns of the table into which they are written.
#pragma once
#include <span>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/types/column.h"

namespace server {

// One column for each of the schema's; null pointers for those that are in none of `places`.
std::vector<engine::ColumnPtr> written_columns(const engine::Schema& schema,
                                               std::span<const size_t> places,
                                               std::span<const engine::ColumnPtr> columns,
                                               size_t first_row, size_t end_row);

}  // namespace server
