// Keys of a table that VALUES rows refer to.
#pragma once
#include <span>

#include "engine/query/select_names.h"
#include "engine/sql/ast_query.h"

namespace engine {

// Returns whether the source may consist of such rows: VALUES, or a query over them.
bool has_written_rows(const AliasedSource& source);

// Returns a condition on the columns of `table` alone that its rows must satisfy for all of `conditions` (canonical) to
// be true. Null if `written`, which is `rows` in the SELECT, has no such rows, if their values for the columns are not
// only constants and parameters, or if the rows are too many.
ExpressionPtr keys_of_written_rows(std::span<const Expression* const> conditions,
                                   const AliasedSource& written, const SelectSource& rows,
                                   const SelectSource& table);

}  // namespace engine
