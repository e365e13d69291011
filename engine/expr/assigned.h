// Makes the implicit casts of statements: to the type of the column that is written, and to the common type of two
// columns.
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

// Converts the value for storage in a column of the type: like CAST(value AS type), but a text longer than the type's
// length is an error. Call it only if PostgreSQL's rules apply.
ExpressionPtr assigned(ExpressionPtr value, const SqlType& type);

// The name of the call that represents an assignment; its argument is the CAST. A statement cannot contain this name
// without quotes.
inline constexpr std::string_view kAssigned = "MILLRACE.ASSIGNED";

// Converts a constant of an INSERT for a column of the type, without checking its length.
Result<Value> assign_constant(const Expression& expression, const SqlType& type, const Scope& scope,
                              const EvalContext& context);

// Returns the common type of two columns that are combined, or compared without an explicit operator; nothing if they
// have none. As in PostgreSQL, the common type of a date and a timestamp is the timestamp, and a timestamp has a time
// zone if one of the two has one.
std::optional<SqlType> shared_type(const SqlType& left, const SqlType& right);
// Converts the expression to a type that shared_type() has returned. A timestamp without a time zone becomes the point
// in time at which clocks of the session's zone show it.
Result<BoundExpression> in_shared_type(BoundExpression expression, const SqlType& type);
// Returns whether values of both types have the same representation; false for a timestamp with and
// a timestamp without a time zone.
bool are_kept_alike(const SqlType& left, const SqlType& right);

}  // namespace engine
