// The range of smallint. Values of this type are stored as INTEGER, so columns can hold values beyond the range.
#pragma once
#include <cstdint>
#include <optional>

#include "engine/types/column.h"

namespace engine {

// Returns whether the type, or a part of it, is smallint.
bool holds_smallint(const SqlType& type);

struct BeyondSmallint {
  size_t row;
  int32_t value;
};

// Returns the first value beyond the range of smallint in the rows from `first_row` on, also within arrays, maps and
// structs. `type` is the declared type, because the type of the column may lack the label.
std::optional<BeyondSmallint> find_beyond_smallint(const SqlType& type, const Column& column,
                                                   size_t first_row = 0);

}  // namespace engine
