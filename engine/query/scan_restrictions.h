// Conditions of a SELECT that a scan of one table can evaluate.
#pragma once
#include <cstdint>
#include <optional>

#include "engine/expr/bound.h"

namespace engine {

// Returns whether the expression fails for no row and has the same value for equal rows. A scan may evaluate such a
// condition for rows that the rest of the query never reaches.
bool is_safe_anywhere(const BoundExpression& expression);

// Returns a condition that reads only columns from `first` up to `end` and is true whenever `condition` is true, made of
// parts that are safe anywhere; nullopt if there is none. From (a.x = 1 AND b.y = 2) OR (a.x = 3 AND b.y = 4) follow
// a.x = 1 OR a.x = 3 and b.y = 2 OR b.y = 4, as in TPC-H 7 and 19.
std::optional<BoundExpression> restriction_of(const BoundExpression& condition, uint32_t first,
                                              uint32_t end);

}  // namespace engine
