// Typed expressions as text, for EXPLAIN.
#pragma once
#include <string>

#include "engine/expr/bound.h"
#include "engine/types/batch.h"

namespace engine {

// As SQL, with the columns' names from `layout`: `(AMOUNT > 10)`, `UCASE(CITY)`. Casts that the
// binder added are shown, constants that it has computed are shown as their value.
std::string to_sql(const BoundExpression& expression, const Layout& layout);

// The value as a literal of the dialect would be written, or close to it where there is none.
std::string to_sql(const SqlType& type, const Value& value);

}  // namespace engine
