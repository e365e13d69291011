// What columns take of VARCHAR(20), TIMESTAMP(0) and their like: clients are told these numbers, and make room by them.
#pragma once
#include "base/result.h"
#include "engine/types/column.h"

namespace server {

// Whether values of the type have to be looked at before they are written.
bool has_declared_length(const engine::SqlType& type);

// The values as a column of this type takes them: blanks beyond the length are cut, times rounded. Fails with TooLongText, in
// PostgreSQL's words; `row` is then the row that does not fit.
Result<engine::ColumnPtr> fit_declared(const engine::SqlType& type, engine::ColumnPtr values,
                                       size_t rows, size_t& row);

}  // namespace server
