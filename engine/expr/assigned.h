// Makes the implicit casts of statements: to the type of the column that is written, and to the
// common type of two columns that are combined.
#pragma once
#include <optional>
#include <string_view>

#include "engine/expr/bind.h"
#include "engine/functions/kernel.h"
#include "engine/sql/ast_expression.h"
#include "engine/types/type.h"

namespace engine {

// Returns the name with which a statement can name the type, including its label and its length.
TypeName type_name_of(const SqlType& type);

// Converts the value for storage in a column of the type. Works like CAST(value AS type), but a
// text that is longer than the type's length is an error. Call it only if PostgreSQL's rules apply.
ExpressionPtr assigned(ExpressionPtr value, const SqlType& type);

// The name of the function call that marks an assignment; its argument is the CAST. Users cannot
// call it without quotes, because the name contains a dot.
inline constexpr std::string_view kAssigned = "MILLRACE.ASSIGNED";

// Converts a constant of an INSERT for a column of the type, without checking its length.
Result<Value> assign_constant(const Expression& expression, const SqlType& type, const Scope& scope,
                              const EvalContext& context);

// Returns the common type of two columns that are combined, or that are compared without an
// explicit operator. Returns nothing if they have none. As in PostgreSQL, the common type of a date
// and a timestamp is the timestamp, and the result has a time zone if one of the two has one.
std::optional<SqlType> shared_type(const SqlType& left, const SqlType& right);
// Converts the expression to a type that shared_type() has returned. A timestamp without a time
// zone is read as local time in the session's zone.
Result<BoundExpression> in_shared_type(BoundExpression expression, const SqlType& type);
// Returns whether values of both types have the same representation. A timestamp with a time zone
// and one without do not.
bool are_kept_alike(const SqlType& left, const SqlType& right);

}  // namespace engine
