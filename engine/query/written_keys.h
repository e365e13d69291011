// Which keys of a table rows that are written down ask for.
#pragma once
#include <span>

#include "engine/query/select_names.h"
#include "engine/sql/ast_query.h"

namespace engine {

// Whether the source may be such rows: VALUES, or a query over them.
bool has_written_rows(const AliasedSource& source);

// A condition on the table's columns alone, which its rows have to fulfil for all of `conditions` to be true; they are canonical.
// Null where `written`, which is `rows` in the SELECT, is not such rows, where what they have for the columns is more than
// constants and parameters, and where there are many.
ExpressionPtr keys_of_written_rows(std::span<const Expression* const> conditions,
                                   const AliasedSource& written, const SelectSource& rows,
                                   const SelectSource& table);

}  // namespace engine
