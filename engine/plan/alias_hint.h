// Adds a hint to an error if a clause such as WHERE uses a name that only the SELECT list defines.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/plan/analysis.h"
#include "engine/sql/ast.h"

namespace engine {

// Returns `error`. If it reports an unknown column whose name is one of `names` (the aliases in the
// SELECT list), it gets a hint to repeat the expression. `condition` is the expression of the
// clause, and `clause` is the clause's keyword, such as WHERE.
Error with_alias_hint(Error error, const Expression& condition, std::string_view clause,
                      const std::vector<std::string>& names);

// Returns the names that the SELECT gives to its results with AS.
std::vector<std::string> aliases_of(const Query& query);
std::vector<std::string> aliases_of(const Analysis& analysis);

}  // namespace engine
