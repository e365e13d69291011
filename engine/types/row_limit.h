// How wide a row may be.
#pragma once
#include <cstddef>

#include "base/result.h"
#include "engine/types/type.h"

namespace engine {

// Columns and the fields of their STRUCTs, together: as many as a row of MySQL may have columns, more
// than twice PostgreSQL's. Each costs something for every row and for every task that reads it.
inline constexpr size_t kMaxRowFields = 4'096;

// What a column of the type counts for: one, and one for each type that it is made of. Counted no
// further than to `limit` + 1: of types that are made of one another, each twice of the one before,
// few are in memory, and too many to visit.
size_t field_count(const SqlType& type, size_t limit = kMaxRowFields);
Error too_many_fields();

}  // namespace engine
