// Prints typed expressions, for EXPLAIN.
#pragma once
#include <string>

#include "engine/expr/bound.h"
#include "engine/types/batch.h"

namespace engine {

// Returns the SQL text, with the columns' names from `layout`: `(AMOUNT > 10)`, `UCASE(CITY)`.
// Casts that the binder added are shown, and constants that it computed are shown as values.
std::string to_sql(const BoundExpression& expression, const Layout& layout);

// Returns the value as a literal of the dialect, or a similar text if no literal exists.
std::string to_sql(const SqlType& type, const Value& value);

}  // namespace engine
