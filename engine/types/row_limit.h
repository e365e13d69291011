// Limits the width of rows.
#pragma once
#include <cstddef>

#include "base/result.h"
#include "engine/types/type.h"

namespace engine {

// Limit on columns plus fields of their STRUCTs: as many as the columns of a row in MySQL, and more than twice
// PostgreSQL's. Each field has a cost for every row and for every task that reads it.
inline constexpr size_t kMaxRowFields = 4'096;

// Returns the number of fields of a column of the type: one, plus one for each type within it. The
// count stops at `limit` + 1, because a type that contains the same shared type twice at each level
// takes little memory, but has too many fields to visit.
size_t field_count(const SqlType& type, size_t limit = kMaxRowFields);
Error too_many_fields();

}  // namespace engine
