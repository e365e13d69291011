// The limit on the width of rows.
#pragma once
#include <cstddef>

#include "base/result.h"
#include "engine/types/type.h"

namespace engine {

// Limit on columns plus fields of their STRUCTs: as many as the columns of a row in MySQL, and more than twice
// PostgreSQL's. Each of them costs something for every row and for every task that reads it.
inline constexpr size_t kMaxRowFields = 4'096;

// The number of fields of a column of the type: one, plus one for each type within it. The count
// stops at `limit` + 1: types that are nested twice at each level take little memory, but are too
// many to visit.
size_t field_count(const SqlType& type, size_t limit = kMaxRowFields);
Error too_many_fields();

}  // namespace engine
