// Converts the rows of a SELECT to columns of the table into which they are written.
#pragma once
#include <span>
#include <vector>

#include "base/result.h"
#include "engine/catalog/catalog.h"
#include "engine/types/column.h"

namespace server {

// Whether written_columns() converts values of type `from` to type `to` and rejects values that do
// not fit. A CAST would truncate such values, as Java does.
bool is_narrowed(const engine::SqlType& from, const engine::SqlType& to);

enum class KeysOf { NewRows, RowsThatAreThere };
// Returns a column for each column of the schema; the pointer is null for a column that is not in
// `places`. Keys of new rows are normalized, so that equal keys have one form (-0 becomes 0). Keys
// that name existing rows stay unchanged. Fails with OutOfRange and InvalidText.
Result<std::vector<engine::ColumnPtr>> written_columns(const engine::Schema& schema,
                                                       std::span<const size_t> places,
                                                       std::span<const engine::ColumnPtr> columns,
                                                       size_t first_row, size_t end_row,
                                                       KeysOf keys = KeysOf::NewRows);

}  // namespace server
