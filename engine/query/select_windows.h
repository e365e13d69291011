// The window functions of a SELECT: each becomes a column behind those of the step before.
#pragma once
#include <vector>

#include "engine/query/select_subqueries.h"

namespace engine {

// Those in the expression, each once; fails with GroupingError where one stands within another.
Status list_window_calls(const Expression& expression, std::vector<const Expression*>& found);

bool has_window_call(const Expression& expression);
// Whether the SELECT list has any.
bool has_windows(const Query& query);

// Binds the calls beside `beside`, whose next columns they become: a step, without its input, for those of the same partitions and
// order. Fails as bind() does, and with WrongObjectType where a function is for no window.
Result<std::vector<WindowRows>> bind_windows(const std::vector<const Expression*>& calls,
                                             const SelectNames& names, RowsPlanning& planning,
                                             Appended& beside);

// `node` with a step more for each.
RowsNodePtr append(RowsNodePtr node, std::vector<WindowRows> windows);

}  // namespace engine
