// The hint for a name of the SELECT in a clause that reads the columns of FROM.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/plan/analysis.h"
#include "engine/sql/ast.h"

namespace engine {

// Returns the error. If it reports an unknown column that is one of the names which the SELECT gives to its results, the
// hint is to repeat the expression. `condition` is the clause as it was written or rewritten, and `clause` is its name.
Error with_alias_hint(Error error, const Expression& condition, std::string_view clause,
                      const std::vector<std::string>& names);

// Returns the names that the SELECT gives to its results with AS.
std::vector<std::string> aliases_of(const Query& query);
std::vector<std::string> aliases_of(const Analysis& analysis);

}  // namespace engine
