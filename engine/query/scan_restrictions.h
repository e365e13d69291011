// Conditions of a SELECT that a scan of one table can evaluate.
#pragma once
#include <cstdint>
#include <optional>

#include "engine/expr/bound.h"

namespace engine {

// Returns whether the expression never fails and has the same value for equal rows. A scan may
// evaluate such a condition for any row, even for rows that the rest of the query would never
// evaluate.
bool is_safe_anywhere(const BoundExpression& expression);

// Returns a condition that is true whenever `condition` is true, but reads only the columns from
// `first` up to `end`. It consists only of parts for which is_safe_anywhere() is true. Returns
// nullopt if no such condition exists. For example, (a.x = 1 AND b.y = 2) OR (a.x = 3 AND b.y = 4)
// implies a.x = 1 OR a.x = 3, and b.y = 2 OR b.y = 4, as in queries 7 and 19 of TPC-H.
std::optional<BoundExpression> restriction_of(const BoundExpression& condition, uint32_t first,
                                              uint32_t end);

}  // namespace engine
