// Rewrites (a, b) IN (SELECT ...) if the sub-query refers to the outer query.
#pragma once
#include <optional>

#include "engine/query/select_names.h"
#include "engine/sql/ast_query.h"

namespace engine {

// engine/sql/row_match.h makes an EXISTS from (a, b) IN (SELECT ...). This function removes the
// nested query in the FROM of such an EXISTS, so that its outer references are one level higher.
// Returns nullopt if the EXISTS has another form, or if the rows of the nested query are not simply
// those that satisfy its conditions.
std::optional<Subquery> with_values_compared_within(const Subquery& subquery,
                                                    const SelectNames& around);

}  // namespace engine
