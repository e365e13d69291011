// Casts that statements are made with, to types that nobody has written down.
#pragma once
#include <string_view>

#include "engine/expr/bind.h"
#include "engine/functions/kernel.h"
#include "engine/sql/ast_expression.h"
#include "engine/types/type.h"

namespace engine {

// The type as a statement names it, with its label and its length.
TypeName type_name_of(const SqlType& type);

// What a column of the type takes of the value: as CAST(value AS type), but a text that is longer than the type's length is an
// error. Where PostgreSQL's rules are asked for.
ExpressionPtr assigned(ExpressionPtr value, const SqlType& type);

// The call that stands for it: of this name, with the CAST as its argument. No name that a statement can write without quotes.
inline constexpr std::string_view kAssigned = "MILLRACE.ASSIGNED";

// The same of a constant that is written down in an INSERT, without its length.
Result<Value> assign_constant(const Expression& expression, const SqlType& type, const Scope& scope,
                              const EvalContext& context);

}  // namespace engine
