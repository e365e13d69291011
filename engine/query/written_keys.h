// Which keys of a table rows that are written down ask for.
#pragma once
#include "engine/query/select_names.h"
#include "engine/sql/ast_query.h"

namespace engine {

// Of `FROM (VALUES ...) AS first JOIN table ON condition`: a condition on the table's columns alone, which its rows have to fulfil
// to be joined. Null where `from` is not such rows, where what they have for the columns is more than constants and
// parameters, and where there are many. `on` is canonical.
ExpressionPtr keys_of_written_rows(const Expression& on, const AliasedSource& from,
                                   const SelectSource& first, const SelectSource& table);

}  // namespace engine
