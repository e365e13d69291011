// Limits the width of rows.
#pragma once
#include <cstddef>

#include "base/result.h"
#include "engine/types/type.h"

namespace engine {

// Limit for the number of columns plus the fields of their STRUCTs. It is the number of columns
// that a row in MySQL may have, and more than twice PostgreSQL's. Each field costs time for every
// row and in every task that reads it.
inline constexpr size_t kMaxRowFields = 4'096;

// Returns the number of fields of a column of the type: one, plus one for each type within it. The
// count stops at `limit` + 1: a type that contains the same type twice at each level takes little
// memory, but has too many fields to count.
size_t field_count(const SqlType& type, size_t limit = kMaxRowFields);
Error too_many_fields();

}  // namespace engine
