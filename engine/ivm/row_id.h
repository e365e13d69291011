// The hidden keys of the rows of a view whose visible columns cannot be its key (column __ROWID).
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "engine/plan/view_plan.h"
#include "engine/types/column.h"

namespace engine {

// Returns whether rows of the view may be equal. Their ids then end with a number (append_row_number).
bool may_repeat(const ViewPlan& view);

// Sets `id` to the bytes that identify a row: those of the view's identity, or of all columns if rows may be equal.
// Longer bytes are replaced by their SHA-256. `columns` are the result columns of the view.
void make_row_id(const ViewPlan& view, std::span<const Column* const> columns, size_t row,
                 std::string& id);

// Appends the number of a row among equal rows, from 0.
void append_row_number(uint32_t number, std::string& id);

}  // namespace engine
