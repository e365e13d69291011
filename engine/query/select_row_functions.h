// Functions that give rows, in FROM and in the SELECT list: each element of an array is a row.
#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "engine/query/rows_planning.h"
#include "engine/query/select_names.h"

namespace engine {

// Whether the source is such a function, which may name columns of the sources before it: (SELECT UNNEST(array), ...) AS name.
bool is_row_function(const AliasedSource& named);
// Such a source as far as its names go: its columns' types are not known yet.
Result<SelectSource> row_function_names(const AliasedSource& named);
// Any source as far as its names go.
Result<SelectSource> source_names(const AliasedSource& named, RowsPlanning& planning);
// Its arrays, over the columns of the sources `before`; `source`: its columns get their types.
Result<std::vector<BoundExpression>> bind_row_function(const AliasedSource& named,
                                                       const std::vector<SelectSource>& before,
                                                       SelectSource& source,
                                                       const PlanContext& context);
// The query with such sources of outer joins as queries of their own, where a condition decides which of their rows have a partner.
// Nothing where it has none, or where they name columns of the sources before them.
std::optional<Query> with_functions_of_outer_joins_apart(const Query& query);
// Whether the SELECT list has any.
bool has_row_functions(const Query& query);
// Whether a source of the query has a column of the name.
using HasColumn = std::function<bool(const Name&)>;
// The query with what its SELECT list has of them as a source behind the others, or around it where they are called for each
// group. Nothing where it has none; fails with NotSupported where an item beside groups has more than that.
Result<std::optional<Query>> take_row_functions_out(const Query& query,
                                                    const HasColumn& has_column);

}  // namespace engine
