// Casts that statements are made with, to types that nobody has written down.
#pragma once
#include <optional>
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

// Of columns that are put together, or compared without an operator that is written down: the type of both; none where there is
// none. As PostgreSQL has it, dates and timestamps are timestamps beside one, and with a time zone beside one that has it.
std::optional<SqlType> shared_type(const SqlType& left, const SqlType& right);
// The expression in such a type: what clocks of the session's time zone show is then the point in time at which they do.
Result<BoundExpression> in_shared_type(BoundExpression expression, const SqlType& type);
// Whether values of both types are kept in one way: not what clocks show beside points in time.
bool are_kept_alike(const SqlType& left, const SqlType& right);

}  // namespace engine
