// Converts the rows of a SELECT to columns of the table into which they are written.
#pragma once
#include <span>
#include <vector>

#include "base/result.h"
#include "engine/catalog/catalog.h"
#include "engine/types/column.h"

namespace server {

// Returns whether written_columns() converts values of type `from` to type `to` itself, and rejects
// values that do not fit. (A CAST would truncate such values, as in Java.)
bool is_narrowed(const engine::SqlType& from, const engine::SqlType& to);

enum class KeysOf { NewRows, RowsThatAreThere };
// Returns one column for each column of the schema; the pointer is null for a column that is not in
// `places`. With KeysOf::NewRows, keys are normalized, so that equal keys have one form (-0 becomes
// 0). With KeysOf::RowsThatAreThere they stay unchanged, because they must match the existing rows.
// Fails with OutOfRange and InvalidText.
Result<std::vector<engine::ColumnPtr>> written_columns(const engine::Schema& schema,
                                                       std::span<const size_t> places,
                                                       std::span<const engine::ColumnPtr> columns,
                                                       size_t first_row, size_t end_row,
                                                       KeysOf keys = KeysOf::NewRows);

}  // namespace server
