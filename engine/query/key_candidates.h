// Finds the keys for which a condition may be true.
#pragma once
#include <map>
#include <optional>
#include <vector>

#include "engine/expr/bind.h"
#include "engine/sql/ast_expression.h"
#include "engine/types/schema.h"

namespace engine {

// Values of some key columns, by the column's index among the keys.
using KeyAssignment = std::map<size_t, Value>;

// Returns a set of keys that contains all keys for which `condition` may be true. Returns nullopt
// if the condition does not limit the keys. Only equalities, IN, ARRAY_CONTAINS, AND and OR over
// the key columns limit them. Returns an empty list if a key would have to be equal to NULL.
std::optional<std::vector<KeyAssignment>> key_candidates(const Expression& condition,
                                                         const std::vector<ColumnDef>& keys,
                                                         const Scope& scope,
                                                         const EvalContext& eval);

}  // namespace engine
