// Comparison of the text of two queries.
#pragma once
#include "engine/sql/ast_query.h"

namespace engine {

// Ignores positions. Returns false for features that query builders do not repeat within one statement: WITH, windows,
// VALUES rows, EMIT.
bool equals(const Query& left, const Query& right);

}  // namespace engine
