// Set-returning functions, such as UNNEST, in FROM and in the SELECT list. Each of them computes an array, whose
// elements become rows.
#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "engine/query/rows_planning.h"
#include "engine/query/select_names.h"

namespace engine {

// Returns whether the source is a function that returns rows, in its parsed form (SELECT UNNEST(array), ...) AS name.
// The function may refer to earlier sources.
bool is_row_function(const AliasedSource& named);
// Returns the names of the columns of a function that returns rows. Their types are not known yet.
Result<SelectSource> row_function_names(const AliasedSource& named);
// Returns the names of the columns of any source.
Result<SelectSource> source_names(const AliasedSource& named, RowsPlanning& planning);
// Binds the arrays of a function over the columns of the sources `before`, and sets the types of the columns in
// `source`.
Result<std::vector<BoundExpression>> bind_row_function(const AliasedSource& named,
                                                       const std::vector<SelectSource>& before,
                                                       SelectSource& source,
                                                       const PlanContext& context);
// Converts each function in FROM that is joined by an outer join with a condition to a sub-query,
// because this condition decides which of its rows have a match. Returns nullopt if the query has
// no such function, or if one of them uses columns of earlier sources.
std::optional<Query> with_functions_of_outer_joins_apart(const Query& query);
// Returns whether the SELECT list calls a function that returns rows.
bool has_row_functions(const Query& query);
// Returns whether a source of the query has a column of that name.
using HasColumn = std::function<bool(const Name&)>;
// Moves functions that return rows from the SELECT list to a new last source in FROM or, if they
// are called for each group, to an outer query. Returns nullopt if the list has no such function.
// In a query with groups, fails with NotSupported if an item contains more than the function.
Result<std::optional<Query>> take_row_functions_out(const Query& query,
                                                    const HasColumn& has_column);

}  // namespace engine
