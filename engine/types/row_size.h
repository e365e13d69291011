// Estimates the bytes of rows when they are written, so that they can be written in parts, or when they are copied.
#pragma once
#include <cstddef>
#include <span>

#include "engine/types/column.h"

namespace engine {

// Adds the size of one row of the column to each element of `bytes`, beginning with the row
// `first`. If several rows share a string, it counts for each of them, so that the size of a row
// does not depend on other rows.
void add_row_bytes(const Column& column, size_t first, std::span<size_t> bytes);

// Returns the memory that Column::append_from() allocates for the row. Strings count in full, even
// if rows share them.
size_t copied_bytes(const Column& column, size_t row);

}  // namespace engine
