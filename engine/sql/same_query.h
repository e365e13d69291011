// Compares two queries as parsed.
#pragma once
#include "engine/sql/ast_query.h"

namespace engine {

// Returns whether the queries are the same; positions are ignored. Returns false for queries with
// WITH, windows, VALUES rows or EMIT. The comparison is meant for queries that query builders
// repeat within a statement, and they do not repeat such queries.
bool equals(const Query& left, const Query& right);

}  // namespace engine
