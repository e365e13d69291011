// (a, b) IN (SELECT ...) where the sub-query refers to the query around.
#pragma once
#include <optional>

#include "engine/query/select_names.h"
#include "engine/sql/ast_query.h"

namespace engine {

// Of the EXISTS that it has become (engine/sql/row_match.h) one without the query of FROM in between, so that what refers to the query
// around is one step away from it. Nothing where it is another EXISTS, or its rows are not simply those of its conditions.
std::optional<Subquery> with_values_compared_within(const Subquery& subquery,
                                                    const SelectNames& around);

}  // namespace engine
