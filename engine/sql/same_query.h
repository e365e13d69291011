// Whether two queries are written alike.
#pragma once
#include "engine/sql/ast_query.h"

namespace engine {

// Positions aside. False for what query builders do not repeat within one statement: WITH, windows, rows that are written down, EMIT.
bool equals(const Query& left, const Query& right);

}  // namespace engine
