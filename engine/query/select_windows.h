// Plans the window functions of a SELECT. The result of each call becomes a column after the
// columns of the step before it.
#pragma once
#include <vector>

#include "engine/query/select_subqueries.h"

namespace engine {

// Lists the window calls in the expression, each once. Fails with GroupingError if a call is nested in another.
Status list_window_calls(const Expression& expression, std::vector<const Expression*>& found);

bool has_window_call(const Expression& expression);
// Returns whether the SELECT list has a window call.
bool has_windows(const Query& query);

// Binds the calls. Their results become the next columns of `beside`. Returns one step for all
// calls that have the same partitions and order; the step's input is not set yet. Fails like
// bind(), and with WrongObjectType if a function is not a window function.
Result<std::vector<WindowRows>> bind_windows(const std::vector<const Expression*>& calls,
                                             const SelectNames& names, RowsPlanning& planning,
                                             Appended& beside);

// Appends the columns of each step to `node`.
RowsNodePtr append(RowsNodePtr node, std::vector<WindowRows> windows);

}  // namespace engine
