// Which keys a condition can be true for.
#pragma once
#include <map>
#include <optional>
#include <vector>

#include "engine/expr/bind.h"
#include "engine/sql/ast_expression.h"
#include "engine/types/schema.h"

namespace engine {

// A value for some of the key columns, by their index among the keys.
using KeyAssignment = std::map<size_t, Value>;

// A superset of the keys for which `condition` may be true; nothing when it cannot be narrowed
// down. Equalities, IN, ARRAY_CONTAINS, AND and OR over the key columns are understood; everything else narrows
// nothing. None where a key would have to equal NULL.
std::optional<std::vector<KeyAssignment>> key_candidates(const Expression& condition,
                                                         const std::vector<ColumnDef>& keys,
                                                         const Scope& scope,
                                                         const EvalContext& eval);

}  // namespace engine
