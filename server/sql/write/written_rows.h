// Rows that a SELECT gives, as columns of the table into which they are written.
#pragma once
#include <span>
#include <vector>

#include "base/result.h"
#include "engine/catalog/catalog.h"
#include "engine/types/column.h"

namespace server {

// Whether values of the one type are written as the other by written_columns(), which refuses what does not fit. A CAST would
// make another value of it: it cuts off, as Java does.
bool is_narrowed(const engine::SqlType& from, const engine::SqlType& to);

// One column for each of the schema's; null pointers for those that are in none of `places`. Keys of new rows are made so
// that equal ones are one: -0 is 0; those that name rows stay as they are. Fails with OutOfRange and InvalidText.
enum class KeysOf { NewRows, RowsThatAreThere };
Result<std::vector<engine::ColumnPtr>> written_columns(const engine::Schema& schema,
                                                       std::span<const size_t> places,
                                                       std::span<const engine::ColumnPtr> columns,
                                                       size_t first_row, size_t end_row,
                                                       KeysOf keys = KeysOf::NewRows);

}  // namespace server
