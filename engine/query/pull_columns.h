// The columns of a table that a look-up reads.
#pragma once
#include <vector>

#include "engine/query/pull.h"

namespace engine {

// Returns for each column of the table's input_layout() whether the filter or a column of the result reads it.
std::vector<bool> used_columns(const PullPlan& plan);
// Returns the columns that the filter reads, as used_columns() does.
std::vector<bool> filter_columns(const PullPlan& plan);

}  // namespace engine
