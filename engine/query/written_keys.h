// Finds the keys of a table that rows of VALUES contain.
#pragma once
#include <span>

#include "engine/query/select_names.h"
#include "engine/sql/ast_query.h"

namespace engine {

// Returns whether the source may consist of rows of VALUES: it is VALUES, or a query over VALUES.
bool has_written_rows(const AliasedSource& source);

// Returns a condition that uses only columns of `table`. It is true for all rows of the table for
// which `conditions` (canonical) can be true together. `written` is the source with the rows of
// VALUES as the statement has it, and `rows` is the same source with its names resolved. Returns
// null if `written` has no rows of VALUES, if their values are not only constants and parameters,
// or if they are too many.
ExpressionPtr keys_of_written_rows(std::span<const Expression* const> conditions,
                                   const AliasedSource& written, const SelectSource& rows,
                                   const SelectSource& table);

}  // namespace engine
