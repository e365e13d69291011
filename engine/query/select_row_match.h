// Rewrites (a, b) IN (SELECT ...) if the sub-query refers to the outer query.
#pragma once
#include <optional>

#include "engine/query/select_names.h"
#include "engine/sql/ast_query.h"

namespace engine {

// Flattens an EXISTS that engine/sql/row_match.h has made from IN with a sub-query: removes the query in its FROM,
// so that outer references are one level up. Returns nullopt if the EXISTS has another form, or if the rows of the
// query are not simply those that satisfy its conditions.
std::optional<Subquery> with_values_compared_within(const Subquery& subquery,
                                                    const SelectNames& around);

}  // namespace engine
