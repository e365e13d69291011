// Compares two queries as parsed.
#pragma once
#include "engine/sql/ast_query.h"

namespace engine {

// Returns whether the queries are the same; positions are ignored. Returns false for queries with WITH, windows, VALUES
// rows or EMIT, because query builders do not repeat such queries within one statement.
bool equals(const Query& left, const Query& right);

}  // namespace engine
